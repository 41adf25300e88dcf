import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from helpers.filming import make_image, write_image
from PIL import Image

from doorlab.data.sources.image_files import MAX_PIXELS, read_image
from doorlab.errors import DatasetError

ORIENTED = {  # EXIF's orientation -> what turns the upright image into the one that is stored
    1: lambda image: image,
    2: np.fliplr,
    3: lambda image: np.rot90(image, 2),
    4: np.flipud,
    5: lambda image: image.swapaxes(0, 1),
    6: np.rot90,
    7: lambda image: np.rot90(image, 2).swapaxes(0, 1),
    8: lambda image: np.rot90(image, -1),
}


def saved(path, image, orientation=1, **settings):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(image)).save(path, exif=exif, **settings)
    return path


def write_png16(path, values, chunks=b""):
    """Gray, RGB or RGBA of 16 bits, with chunks after the header."""
    order = [0] if values.shape[2] == 1 else [2, 1, 0, 3][: values.shape[2]]
    data = cv2.imencode(".png", values[..., order].astype(np.uint16))[1].tobytes()
    path.write_bytes(data[:33] + chunks + data[33:])
    return path


def png_chunk(kind, content):
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def ramp(top, channels=3):
    """uint16 (H, W, channels): values up to `top`; all of it opaque."""
    values = np.linspace(0, top, 40 * 56).round().astype(np.uint16).reshape(40, 56)
    opaque = np.full_like(values, 65535)
    return np.stack([values, values[::-1], values[:, ::-1], opaque][:channels], axis=-1)


@pytest.mark.parametrize("orientation", ORIENTED)
@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tiff", "a.jpg"])
def test_read_image_applies_orientation(tmp_path, name, orientation):
    upright = make_image(3, 64, 48)
    settings = {"a.webp": {"lossless": True}, "a.jpg": {"quality": 100, "subsampling": 0}}
    file = saved(
        tmp_path / name,
        ORIENTED[orientation](upright),
        orientation=orientation,
        **settings.get(name, {}),
    )
    found = read_image(file).astype(int)
    assert np.abs(found - upright).max() <= (5 if name == "a.jpg" else 0)


@pytest.mark.parametrize("orientation", [1, 5, 6])
def test_read_image_applies_orientation_to_16_bit_images(tmp_path, orientation):
    upright = ramp(65535)
    exif = Image.Exif()
    exif[0x0112] = orientation
    chunk = png_chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    file = write_png16(tmp_path / "a.png", ORIENTED[orientation](upright), chunk)
    np.testing.assert_array_equal(read_image(file), upright >> 8)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tiff", ".ppm"])
def test_read_image_matches_other_decoder(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 255, (60, 81, 3), np.uint8)
    file = tmp_path / f"a{suffix}"
    write_image(file, cv2.GaussianBlur(noise, (5, 5), 2))
    np.testing.assert_array_equal(read_image(file), cv2.imread(str(file))[..., ::-1])


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK"])
@pytest.mark.parametrize("suffix", [".png", ".tiff", ".bmp", ".jpg"])
def test_read_image_converts_gray_palette_and_cmyk(tmp_path, mode, suffix):
    if (mode, suffix) in {("CMYK", ".png"), ("CMYK", ".bmp"), ("P", ".jpg"), ("1", ".jpg")}:
        return
    areas = np.uint8([[0, 200], [255, 200]]).repeat(32, axis=0).repeat(32, axis=1)
    image = Image.fromarray(areas)
    image.convert("RGB").convert(mode).save(tmp_path / f"a{suffix}")
    expected = np.asarray(image.convert("RGB").convert(mode).convert("RGB")).astype(int)
    assert np.abs(read_image(tmp_path / f"a{suffix}") - expected).max() <= 6


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tiff"])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_read_image_blends_transparency_with_black(tmp_path, name, mode):
    if (name, mode) == ("a.webp", "LA"):
        return
    alpha = np.repeat(np.uint8([0, 128, 255]), 16)[None].repeat(40, 0)
    colors = make_image(9, 40, 48)
    image = Image.fromarray(np.dstack([colors, alpha])).convert(mode)
    image.save(tmp_path / name, **({"lossless": True, "exact": True} if "webp" in name else {}))
    shown = np.asarray(image.convert("RGB")) * (alpha[..., None] / 255)
    found = read_image(tmp_path / name)
    assert np.abs(found - shown).max() <= 0.51
    assert found[:, :16].max() == 0
    assert image.convert("RGB").crop((0, 0, 16, 40)).getextrema()[0][1] > 100  # hidden colors


def test_read_image_makes_transparent_color_black(tmp_path):
    for mode, key in (("P", 0), ("RGB", (200, 10, 10)), ("L", 60)):
        image = Image.new(mode, (8, 8), key)
        image.putpixel((0, 0), (10, 200, 200) if mode == "RGB" else 90)
        if mode == "P":
            image.putpalette([200, 10, 10] * 90 + [10, 200, 200] * 10)
        image.save(tmp_path / f"{mode}.png", transparency=key)
        found = read_image(tmp_path / f"{mode}.png")
        assert found[1:].max() == 0
        assert found[0, 0].max() > 80


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_read_image_scales_16_bits_by_default(tmp_path, channels):
    values = ramp(65535, channels)
    found = read_image(write_png16(tmp_path / "a.png", values))
    np.testing.assert_array_equal(found, np.broadcast_to(values[..., :3] >> 8, (40, 56, 3)))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize("bits", [9, 10, 12, 14])
def test_read_image_scales_significant_bits(tmp_path, channels, stated, bits):
    """The number of bits is stated by the file or by the user."""
    values = ramp(2**bits - 1, channels)
    chunk = png_chunk(b"sBIT", bytes([bits] * channels)) if stated else b""
    file = write_png16(tmp_path / "a.png", values, png_chunk(b"gAMA", bytes(4)) + chunk)
    found = read_image(file, 0 if stated else bits)
    expected = np.broadcast_to(values[..., :3] >> (bits - 8), (40, 56, 3))
    np.testing.assert_array_equal(found, expected)


def test_read_image_blends_transparency_of_significant_bits(tmp_path):
    values = ramp(4095, 4)
    values[..., 3] = 2048
    found = read_image(write_png16(tmp_path / "a.png", values), 12).astype(int)
    assert np.abs(found - values[..., :3] / 32).max() <= 1


def test_read_image_keeps_values_scaled_per_png_standard(tmp_path):
    values = (ramp(4095) << 4) + (ramp(4095) >> 8)
    file = write_png16(tmp_path / "a.png", values, png_chunk(b"sBIT", bytes([12] * 3)))
    np.testing.assert_array_equal(read_image(file), values >> 8)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_read_image_rejects_nearly_black_images(tmp_path, channels):
    file = write_png16(tmp_path / "a.png", ramp(4000, channels))
    with pytest.raises(
        DatasetError, match=r"not nearly black.*(4000|3840) out.*--significant-bits"
    ):
        read_image(file)
    assert read_image(file, 16).max() == 15
    with pytest.raises(DatasetError, match=r"at most 1023 in .*got 4000"):
        read_image(file, 10)


def test_read_image_reads_16_bit_tiff_and_ppm(tmp_path):
    for suffix in (".tiff", ".ppm", ".pgm"):
        values = ramp(65535, 1)[..., 0] if suffix == ".pgm" else ramp(65535)
        cv2.imwrite(str(tmp_path / f"a{suffix}"), values[..., ::-1] if values.ndim == 3 else values)
        found = read_image(tmp_path / f"a{suffix}").astype(int)
        assert np.abs(found - (values >> 8).reshape(40, 56, -1)).max() <= 1
    cv2.imwrite(str(tmp_path / "12.tiff"), ramp(4095, 1)[..., 0])
    np.testing.assert_array_equal(read_image(tmp_path / "12.tiff", 12)[..., :1], ramp(4095, 1) >> 4)
    cv2.imwrite(str(tmp_path / "color.tiff"), ramp(4095))
    with pytest.raises(DatasetError, match="nearly black"):
        read_image(tmp_path / "color.tiff")
    with pytest.raises(ValueError, match="TIFF file with 16-bit colors"):
        read_image(tmp_path / "color.tiff", 12)


@pytest.mark.parametrize("top", [100, 255, 1023, 4095])
def test_read_image_scales_ppm_by_its_maximum(tmp_path, top):
    values = ramp(top)
    kind = ">u1" if top < 256 else ">u2"
    (tmp_path / "a.ppm").write_bytes(b"P6 56 40 %d\n" % top + values.astype(kind).tobytes())
    assert np.abs(read_image(tmp_path / "a.ppm") - values * (255 / top)).max() <= 1


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32])
@pytest.mark.parametrize("channels", [1, 3])
def test_read_image_rejects_tiff_of_other_types(tmp_path, kind, channels):
    values = ramp(255, channels).astype(kind)
    cv2.imwrite(str(tmp_path / "a.tiff"), values)
    with pytest.raises(ValueError, match=r"neither 8 nor 16 bits|not 8 or 16 bits"):
        read_image(tmp_path / "a.tiff")


def test_read_image_rejects_lab_and_16_bit_color_key(tmp_path):
    Image.fromarray(make_image(1)).convert("LAB").save(tmp_path / "a.tiff")
    with pytest.raises(ValueError, match="mode LAB"):
        read_image(tmp_path / "a.tiff")
    chunk = png_chunk(b"tRNS", bytes(6))
    file = write_png16(tmp_path / "a.png", ramp(65535), chunk)
    with pytest.raises(ValueError, match="stands for transparency"):
        read_image(file)


@pytest.mark.parametrize("side", [12_000, 16_000, 100_000])
def test_read_image_rejects_decompression_bombs_by_header(tmp_path, side):
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    lines = png_chunk(b"IDAT", zlib.compress(bytes(1000)))
    data = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + lines + png_chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(ValueError, match=rf"pixels.*{MAX_PIXELS:,}|more than {MAX_PIXELS:,}"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("content", ["jp2", "gif", "hdr", "exr"])
def test_read_image_rejects_content_of_another_format(tmp_path, content):
    data = {
        "jp2": bytes.fromhex("0000000c6a5020200d0a870a") + bytes(90),
        "hdr": b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 8 +X 8\n" + bytes(300),
        "exr": bytes.fromhex("762f310102000000") + bytes(90),
    }
    if content == "gif":
        file = io.BytesIO()
        Image.new("RGB", (8, 8)).save(file, "GIF")
        data["gif"] = file.getvalue()
    (tmp_path / "0.png").write_bytes(data[content])
    with pytest.raises(ValueError, match="of another format"):
        read_image(tmp_path / "0.png")


def test_read_image_silences_libraries_on_damage(tmp_path, capfd):
    noise = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    for name, settings in (("a.tiff", {"compression": "tiff_lzw"}), ("b.png", {})):
        file = saved(tmp_path / name, noise, **settings)
        data = file.read_bytes()
        file.write_bytes(data[:2000] + bytes(8000) + data[10_000:])
        with pytest.raises(ValueError, match="damaged"):
            read_image(file)
    assert capfd.readouterr() == ("", "")


def test_read_image_returns_first_of_several_images(tmp_path):
    first, second = Image.fromarray(make_image(1)), Image.fromarray(make_image(9))
    for name, kind, settings in (
        ("a.jpg", "MPO", {"quality": 95}),  # what telephones with several lenses write
        ("a.png", "PNG", {}),
        ("a.webp", "WEBP", {"lossless": True}),
    ):
        first.save(tmp_path / name, kind, save_all=True, append_images=[second], **settings)
        assert np.abs(read_image(tmp_path / name).astype(int) - make_image(1)).max() < 6


def test_read_image_ignores_damaged_exif(tmp_path):
    file = tmp_path / "a.jpg"
    write_image(file, make_image(2))
    expected, data = read_image(file), file.read_bytes()
    for block in (b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\xff\xff", b"Exif\0\0"):
        segment = b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block
        file.write_bytes(data[:2] + segment + data[2:])
        np.testing.assert_array_equal(read_image(file), expected)
