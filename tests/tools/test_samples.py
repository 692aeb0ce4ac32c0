"""Samples read back page by page, against a plain sort of what was archived; questions of any shape."""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsw.kernel.clock import Micros
from tools.ground.archive import Archive, ArchiveError
from tools.ground.protocol import LINE_OCTETS_MAX, encode
from tools.ground.records import OnboardTime, ParameterRecord
from tools.ground.samples import INTEGER_MAX, LOOKED_AT_MAX, ROWS_MAX, Page, Question, Reader, Sample, question
from tools.ground.times import utc_from_text, utc_to_tai_us

NOON = utc_from_text("2026-11-23T12:00:00Z")


def parameter(name: str, value: float | None, time: OnboardTime | None) -> ParameterRecord:
    return ParameterRecord(Micros(0), time, name, value, value, "", "mV", "WITHIN", replayed=False)


def taken(reader: Reader, asked: Question) -> Page:
    page = reader.page(asked, ["power.bus_mv", "power[0]"])
    assert isinstance(page, Page), page
    return page


def pages(folder: Path, asked: Question) -> Iterator[Page]:
    """One page after the other, as a client asks for them."""
    reader = Reader(folder)
    try:
        while True:
            page = taken(reader, asked)
            yield page
            if page.after is None:
                return
            asked = asked._replace(after=page.after)
    finally:
        reader.close()


def samples(folder: Path, asked: Question) -> list[Sample]:
    return [row for page in pages(folder, asked) for row in page.rows]


def test_parameters_come_by_time(tmp_path: Path) -> None:
    archive = Archive(tmp_path, "a")
    late = OnboardTime(utc_to_tai_us(NOON + 5_000_000), 2)
    archive.add(parameter("power.bus_mv", 2, late), NOON + 6_000_000)
    archive.add(parameter("power.bus_mv", 1, OnboardTime(3_000_000, 0)), NOON + 1_000_000)
    archive.add(parameter("system.mode", None, None), NOON + 2_000_000)
    archive.close()
    read = samples(tmp_path, Question())
    assert [(s.name, s.raw) for s in read] == [("power.bus_mv", 1), ("system.mode", None), ("power.bus_mv", 2)]
    assert (read[0].time, read[0].clock, read[0].received) == ("", "never set", "2026-11-23T12:00:01.000000Z")
    assert (read[2].time, read[2].clock) == ("2026-11-23T12:00:05.000000Z", "locked")


def test_names_and_times_select(tmp_path: Path) -> None:
    archive = Archive(tmp_path, "a")
    for second in range(5):
        archive.add(parameter("power.bus_mv", second, None), NOON + second * 1_000_000)
        archive.add(parameter("system.mode", second, None), NOON + second * 1_000_000)
    archive.commit()
    chosen = samples(tmp_path, Question(("power.*",), NOON + 1_000_000, NOON + 3_000_000))
    assert [(s.name, s.raw) for s in chosen] == [("power.bus_mv", 1), ("power.bus_mv", 2)]
    assert samples(tmp_path, Question(("power[0]",))) == [], "declared and not archived: nothing, but no mistake"
    archive.close()


@pytest.mark.proves("K-GND-005")
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("system.mod", "there is no parameter 'system.mod'; did you mean 'system.mode'?"),
        ("power.bus_m", "there is no parameter 'power.bus_m'; did you mean 'power.bus_mv'?"),
        ("power?bus_mv", "there is no parameter 'power?bus_mv'; did you mean 'power.bus_mv'?"),
        ("qq*", "there is no parameter 'qq*'"),
    ],
)
def test_a_name_that_nothing_bears_is_a_sentence(tmp_path: Path, name: str, sentence: str) -> None:
    archive = Archive(tmp_path, "a")
    archive.add(parameter("system.mode", 1, None), NOON)
    archive.close()
    reader = Reader(tmp_path)
    assert reader.page(Question(("power.*", name)), ["power.bus_mv"]) == sentence
    reader.close()


ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 4), st.integers(0, 4)), max_size=30)


@given(ROWS, st.sets(st.sampled_from("abc")), st.none() | st.integers(0, 4), st.none() | st.integers(0, 4),
       st.integers(1, 7))  # fmt: skip
def test_pages_of_any_size_are_the_sorted_whole(
    rows: list[tuple[str, int | None, int]], names: set[str], since: int | None, until: int | None, limit: int
) -> None:
    with TemporaryDirectory() as folder:
        archive = Archive(Path(folder), "a")
        for number, (name, onboard, received) in enumerate(rows):
            time = None if onboard is None else OnboardTime(utc_to_tai_us(NOON + onboard), 2)
            archive.add(parameter(name, number, time), NOON + received)
        archive.close()
        asked = Question(
            tuple(sorted(names & {name for name, _, _ in rows})),
            None if since is None else NOON + since,
            None if until is None else NOON + until,
            limit=limit,
        )
        answered = list(pages(Path(folder), asked))
    timed = [(received if onboard is None else onboard, number, name) for number, (name, onboard, received)
             in enumerate(rows)]  # fmt: skip
    expected = [
        number
        for when, number, name in sorted(timed)
        if (since is None or when >= since) and (until is None or when < until) and (not asked.names or name in names)
    ]
    assert [row.raw for page in answered for row in page.rows] == expected
    assert all(len(page.rows) <= limit for page in answered)


@pytest.mark.proves("K-GND-005")
def test_a_page_is_a_bounded_look_however_much_there_is(tmp_path: Path) -> None:
    """Most samples are not wanted, and all have the same time: no page reads on until it finds something."""
    archive = Archive(tmp_path, "a")
    for _ in range(2 * LOOKED_AT_MAX):
        archive.add(parameter("system.mode", 0, None), NOON)
    archive.add(parameter("power.bus_mv", 7, None), NOON)
    archive.close()
    answered = list(pages(tmp_path, Question(("power.bus_mv",))))
    assert [len(page.rows) for page in answered] == [0, 0, 1]


def test_a_page_fits_into_a_line(tmp_path: Path) -> None:
    archive = Archive(tmp_path, "a")
    for number in range(ROWS_MAX):
        archive.add(parameter(f"{'é' * 400}{number}", -0.1234567890123456e-300, None), NOON)
    archive.close()
    answered = list(pages(tmp_path, Question()))
    assert len(answered) > 1
    assert sum(len(page.rows) for page in answered) == ROWS_MAX
    assert all(len(encode({"samples": [list(row) for row in page.rows]})) < LINE_OCTETS_MAX for page in answered)


def test_what_comes_in_meanwhile_is_left_out(tmp_path: Path) -> None:
    archive = Archive(tmp_path, "a")
    for number in range(4):
        archive.add(parameter("x", number, None), NOON + number)
    archive.commit()
    reader = Reader(tmp_path)
    first = taken(reader, Question(limit=2))
    archive.add(parameter("x", 99, None), NOON + 3)
    archive.commit()
    second = taken(reader, Question(limit=2, after=first.after))
    rest = () if second.after is None else taken(reader, Question(limit=2, after=second.after)).rows
    assert [row.raw for row in (*first.rows, *second.rows, *rest)] == [0, 1, 2, 3]
    reader.close()
    archive.close()


def test_no_archive_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="there is no archive"):
        Reader(tmp_path)


def test_an_archive_that_breaks_is_a_sentence(tmp_path: Path) -> None:
    archive = Archive(tmp_path, "a")
    archive.close()
    archive.path.write_bytes(b"this is no database" * 100)
    reader = Reader(tmp_path)
    with pytest.raises(ArchiveError, match="cannot be read"):
        reader.page(Question())
    reader.close()


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("names", "since_us", "until_us", "after", "limit"), ANY)))
def test_no_question_raises(message: dict[str, object]) -> None:
    """What comes through the reader of questions can be asked of an archive."""
    asked = question(json.loads(json.dumps(message)))
    if isinstance(asked, str):
        assert asked.startswith("samples: ")
        return
    with TemporaryDirectory() as folder:
        Archive(Path(folder), "a").close()
        reader = Reader(Path(folder))
        assert isinstance(reader.page(asked), Page | str)
        reader.close()


@pytest.mark.parametrize(
    "message",
    [
        {"names": "power.*"}, {"names": [1]}, {"names": ["x" * 257]}, {"names": ["x"] * 257}, {"since_us": "noon"},
        {"since_us": True}, {"until_us": 0.5}, {"until_us": INTEGER_MAX + 1}, {"after": [1, 2]}, {"after": [1, 2, "3"]},
        {"limit": 0}, {"limit": ROWS_MAX + 1}, {"limit": None}, {"limit": True},
    ],
)  # fmt: skip
def test_a_question_out_of_range_is_refused(message: dict[str, object]) -> None:
    assert isinstance(question(json.loads(json.dumps(message))), str)
