from wideopen import compiled


def test_without_a_place_for_a_cache_it_compiles_all_the_same(monkeypatch):
    real = compiled.njit

    def without_cache(*, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)

    monkeypatch.setattr(compiled, "njit", without_cache)
    assert compiled.compiled()(lambda x: x + 1)(2) == 3
