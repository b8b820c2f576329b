"""What every refused command owes: its exit code and one line that says why."""


def refuses(result, code, *words):
    assert result[0] == code
    lines = result[2].strip().splitlines()
    assert len(lines) == 1, result[2]
    assert lines[0].startswith("wideopen: ")
    for word in words:
        assert str(word) in lines[0]
