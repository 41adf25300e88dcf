"""
Generate on many machines
=========================

``doorlab generate`` uses all cores of a machine. ``--launcher ray`` uses all machines of a Ray
cluster. The dataset is the same, byte by byte.

It needs ``pip install 'doorlab[ray]'``. Without a cluster, Ray starts on the machine alone, as
here. On several machines, ``ray start --head`` prints the command that adds a machine, and all
machines share the file system of ``--out``. ``doorlab study``, ``represent`` and ``bandit`` have
the same option; :doc:`/machines` contains a script for SLURM.
"""

# sphinx_gallery_thumbnail_number = 1
import time
from shlex import split

import matplotlib.pyplot as plt

from doorlab.cli import main
from doorlab.data import DoorDataset

command = "generate --doors 64 --shard-doors 32 --videos 0 --workers 1"

# %%
# One machine, then Ray
# ---------------------

seconds = {}
for launcher in ("local", "ray"):
    start = time.monotonic()
    main([*split(command), "--launcher", launcher, "--out", f"runs/machines/{launcher}"])
    seconds[launcher] = time.monotonic() - start

checksums = {
    launcher: DoorDataset.open(f"runs/machines/{launcher}").checksum for launcher in seconds
}
print(checksums)
assert checksums["local"] == checksums["ray"]

# %%
# Start-up
# --------
#
# The start of Ray takes longer than these 64 doors. Ray is useful for tens of thousands of doors.

figure, axis = plt.subplots(figsize=(6, 2), layout="constrained")
axis.barh(list(seconds), list(seconds.values()), color="#0b6e75")
axis.set(xlabel="seconds for 64 doors, start-up included")
plt.show()

# %%
# An interrupted dataset
# ----------------------
#
# A dataset that was interrupted on one machine continues on others. ``--resume`` also generates
# damaged parts again.

main([*split(command), "--launcher", "local", "--out", "runs/machines/ray", "--resume"])
main(split("info runs/machines/ray --verify"))
