import math

import pytest
import torch

from doorlab.nn.attention import MaskedAttention

B, N, T, F, K = 3, 5, 4, 12, 3


@pytest.fixture
def attention():
    torch.manual_seed(0)
    return MaskedAttention(F, K).double()


@pytest.fixture
def sets():
    generator = torch.Generator().manual_seed(1)
    places, contents, queries = (
        torch.randn(B, n, F, generator=generator, dtype=torch.float64) for n in (N, N, T)
    )
    return places, contents, torch.arange(N) < torch.tensor([[0], [2], [5]]), queries


def by_hand(attention, places, contents, queries):
    """One set and one query at a time, by the formula; all members count."""
    size = F // K
    out = torch.zeros(len(queries), F, dtype=torch.float64)
    for t, query in enumerate(queries):
        for head in range(K):
            part = slice(head * size, (head + 1) * size)
            q = attention.to_query(query)[part]
            keys = [attention.to_key(p)[part] for p in places] + [attention.null_key[0, head, 0]]
            values = [attention.to_value(c)[part] for c in contents]
            values.append(attention.nothing_value[0, head, 0])
            logits = torch.stack([q @ key / math.sqrt(size) for key in keys])
            weights = logits.exp() / logits.exp().sum()
            out[t, part] = sum(w * v for w, v in zip(weights, values, strict=True))
    return attention.output(out)


def test_set_attention_matches_formula_with_learned_member(attention, sets):
    places, contents, mask, queries = sets
    found = attention(queries, attention.attended(places, contents, mask))
    for k, seen in enumerate((0, 2, 5)):
        expected = by_hand(attention, places[k, :seen], contents[k, :seen], queries[k])
        torch.testing.assert_close(found[k], expected)


def test_set_attention_of_empty_set_returns_learned_member(attention, sets):
    places, contents, _, queries = sets
    none = torch.zeros(B, 0, dtype=torch.bool)
    found = attention(queries, attention.attended(places[:, :0], contents[:, :0], none))
    expected = attention.output(attention.nothing_value.flatten())
    torch.testing.assert_close(found, expected.expand(B, T, F))


def test_set_attention_retrieves_content_of_nearest_key(attention, sets):
    """With keys far apart, attention is a lookup."""
    places, contents, _, _ = sets
    with torch.no_grad():
        for layer in (attention.to_query, attention.to_key, attention.to_value, attention.output):
            layer.weight.copy_(torch.eye(F))
            layer.bias.zero_()
    places = 50 * places / places.unflatten(2, (K, -1)).norm(dim=3).repeat_interleave(F // K, 2)
    all_count = torch.ones(B, N, dtype=torch.bool)
    found = attention(places[:, [2]], attention.attended(places, contents, all_count))
    torch.testing.assert_close(found[:, 0], contents[:, 2], atol=1e-3, rtol=0)
