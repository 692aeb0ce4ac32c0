"""The report's page and its plots, read back by an XML parser: what stands there, what must not, where curves run."""

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hil.testing.curve import SPANS_MAX, Curve
from hil.testing.report import Case, Measure, Part, anchor, page, part
from hil.testing.report_plots import HEIGHT, WIDTH, Limit, Line, Plot, svg, ticks, time_text, time_ticks

S = 1_000_000
VALUES = st.one_of(st.none(), st.integers(-(10**6), 10**6).map(float))


def curve(samples: list[tuple[int, float | None]]) -> Curve:
    filled = Curve()
    for at_us, value in samples:
        filled.add(at_us, value)
    return filled


def plot(*lines: Line, limits: tuple[Limit, ...] = (), until_us: int = 100 * S) -> Plot:
    return Plot("Power", "mW", lines, limits, 0, until_us)


@given(st.lists(VALUES, min_size=1, max_size=200))
def test_a_short_curve_keeps_every_change(values: list[float | None]) -> None:
    spans = curve([(number * S, value) for number, value in enumerate(values)]).spans()
    told = {span.at_us: span.last for span in spans}
    shown, last = [], None
    for number in range(len(values)):
        last = told.get(number * S, last)
        shown.append(last)
    assert shown == values


@given(st.lists(VALUES, min_size=1, max_size=50), st.integers(1, 60), st.integers(1, 10**7))
def test_a_long_curve_stays_small_and_loses_no_extreme(values: list[float | None], times: int, gap_us: int) -> None:
    samples = [(number * gap_us, value) for number, value in enumerate(values * times * 2)]
    spans = curve(samples).spans()
    known = [value for value in values if value is not None]
    assert len(spans) <= SPANS_MAX + 1
    assert [span.at_us for span in spans] == sorted(span.at_us for span in spans)
    assert min((s.low for s in spans if s.low is not None), default=None) == min(known, default=None)
    assert max((s.high for s in spans if s.high is not None), default=None) == max(known, default=None)
    assert spans[-1].last == values[-1]


def test_a_spike_of_one_sample_stands_in_a_fortnight() -> None:
    day = 86_400
    filled = Curve()
    for second in range(0, 14 * day, 10):
        filled.add(second * S, 9.0 if second == 5 * day else float(second // 10 % 2))
    spans = filled.spans()
    assert len(spans) <= SPANS_MAX + 1
    high = [span for span in spans if span.high == 9.0]
    assert len(high) == 1
    assert abs(high[0].at_us - 5 * day * S) <= 14 * day * S / (SPANS_MAX / 2)


def test_what_is_no_number_is_absent() -> None:
    assert [span.last for span in curve([(0, float("nan")), (1, float("inf")), (2, 1.0)]).spans()] == [None, 1.0]


@given(st.floats(-1e12, 1e12, allow_subnormal=False), st.floats(0, 1e12))
@example(0.0, 5e-324)
def test_ticks_are_few_round_and_hold_all(low: float, more: float) -> None:
    marks = ticks(low, low + more)
    assert marks[0] <= low
    assert marks[-1] >= low + more or abs(marks[-1] - low - more) <= 1e-6 * abs(low + more)
    assert 2 <= len(marks) <= 9
    steps = {f"{b - a:.5g}" for a, b in pairwise(marks)}
    if more > 1e-3 * abs(low):
        assert len(steps) == 1
        assert re.fullmatch(r"0*\.?0*[125]0*\.?0*(e[+-]\d+)?", steps.pop().replace("0.", ".")) is not None


@given(st.integers(0, 10**15), st.integers(1, 10**15))
def test_times_on_the_axis_are_few_and_inside(begin: int, length: int) -> None:
    marks = time_ticks(begin, begin + length)
    assert len(marks) <= 28
    assert all(begin <= mark <= begin + length for mark in marks)


@pytest.mark.parametrize(
    ("us", "text"), [(0, "0"), (1_500_000, "1 s 500 ms"), (90 * S, "1 min 30 s"), (86_400 * S, "1 d"), (1, "1 us")]
)
def test_times_are_read_aloud(us: int, text: str) -> None:
    assert time_text(us) == text


def numbers(path: str) -> list[tuple[str, float]]:
    return [(letter, float(value)) for letter, value in re.findall(r"([HV])(-?[\d.]+)", path)]


def test_a_step_curve_runs_where_its_values_are() -> None:
    """Two values a hundred seconds apart: level, and then up by as much as the axis says."""
    root = ET.fromstring(svg(plot(Line("load", curve([(0, 0.0), (50 * S, 1000.0), (100 * S, 1000.0)]).spans()))))
    path = root.find(".//path[@class='curve c0']")
    assert path is not None
    match = re.fullmatch(r"M([\d.]+) ([\d.]+)h\.1H([\d.]+)V([\d.]+)H([\d.]+)V?([\d.]*)", path.get("d", ""))
    assert match, path.get("d")
    left, zero, middle, thousand, right, _ = match.groups()
    assert float(middle) == pytest.approx((float(left) + float(right)) / 2, abs=0.1)
    levels = {text.text: float(text.get("y", "0")) for text in root.iter("text") if text.get("text-anchor") == "end"}
    assert levels["0"] == pytest.approx(float(zero), abs=0.1)
    assert levels["1000"] == pytest.approx(float(thousand), abs=0.1)


def test_an_absent_value_is_a_gap() -> None:
    root = ET.fromstring(svg(plot(Line("t", curve([(0, 1.0), (10 * S, None), (60 * S, 2.0), (99 * S, 2.0)]).spans()))))
    path = root.find(".//path")
    assert path is not None
    assert path.get("d", "").count("M") == 2


@given(st.lists(st.lists(VALUES, max_size=30), max_size=8), st.lists(st.integers(-9, 9), max_size=2), st.booleans())
def test_no_drawing_leaves_its_paper(curves: list[list[float | None]], limits: list[int], dots: bool) -> None:
    lines = [
        Line(f"line {place}", curve([(number * S, value) for number, value in enumerate(values)]).spans(), dots)
        for place, values in enumerate(curves)
    ]
    root = ET.fromstring(svg(plot(*lines, limits=tuple(Limit("limit", float(value)) for value in limits))))
    for element in root.iter():
        for key in ("x", "x1", "x2", "cx"):
            assert 0 <= float(element.get(key, 0)) <= WIDTH
        for key in ("y", "y1", "y2", "cy"):
            assert 0 <= float(element.get(key, 0)) <= HEIGHT
        for letter, value in numbers(element.get("d", "")):
            assert 0 <= value <= (WIDTH if letter == "H" else HEIGHT)


TEXT = st.text(max_size=20)
CASES = st.builds(
    Case,
    test=TEXT,
    verdict=st.sampled_from(["failed", "passed", "skipped", "not exercised", "error", "expected failure"]),
    text=TEXT,
    command=TEXT,
    requirements=st.lists(TEXT, max_size=3),
    facts=st.dictionaries(TEXT, TEXT, max_size=3),
    faults=st.lists(st.tuples(TEXT, st.booleans()), max_size=3),
    measures=st.lists(
        st.builds(Measure, TEXT, st.floats(), st.none() | st.floats(), st.none() | st.floats(), TEXT), max_size=3
    ),
    findings=st.lists(TEXT, max_size=3),
    plots=st.just(()),
    log=st.lists(st.tuples(st.integers(0, 10**12), TEXT), max_size=3),
)


@pytest.mark.proves("K-BENCH-031")
@given(st.lists(CASES, max_size=5, unique_by=lambda case: case.test))
def test_the_page_stands_alone_and_holds_whatever_a_test_says(cases: list[Case]) -> None:
    text = page([part(case) for case in cases], {"version": "1"}, {})
    assert text == page([part(case) for case in cases], {"version": "1"}, {})
    root = ET.fromstring(text)
    for element in root.iter():
        assert element.tag not in ("script", "link", "img", "iframe", "object"), "nothing to fetch or to run"
        assert not any(key.startswith("on") for key in element.attrib)
        assert element.get("href", "#").startswith("#")
        assert element.get("src") is None
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids)) == len(cases)
    assert {element.get("href", "#")[1:] for element in root.iter("a")} <= set(ids)
    style = root.find(".//style")
    assert style is not None
    assert style.text is not None
    assert not re.search(r"url\(|@import|https?:", style.text)
    assert "prefers-color-scheme: dark" in style.text


@pytest.mark.proves("K-BENCH-031")
def test_the_page_says_all_that_a_reviewer_asks_for() -> None:
    line = Line("load", curve([(0, 1.0), (S, 2.0)]).spans())
    one = Case(
        test="tests/test_heater.py::test_on",
        verdict="failed",
        text="event heater.on did not come",
        command="pytest tests/test_heater.py::test_on --bench-seed 7",
        requirements=("R-7",),
        facts={"seed": "7", "rung": "sim"},
        faults=(("silence@3s+5s", True), ("power_cut@9s+1s", False)),
        measures=(Measure("latency", 12.5, None, 10.0, "ms"), Measure("rise", 2.0, 1.0, 3.0, "K")),
        findings=("ad-once at 3 s: ran twice",),
        plots=(plot(line, limits=(Limit("allocation", 3.0),)),),
        log=((0, "power on"), (2 * S, "heater on sent")),
    )
    other = Case("tests/test_heater.py::test_off", "passed", "", "pytest …", requirements=("R-7", "R-8"))
    text = page([part(one), part(other)], {"version": "0.1.0", "database": "ab12"}, {"R-7": "The heater heats."})
    words = " ".join("".join(ET.fromstring(text).itertext()).split())
    for said in (
        *("failed 1", "passed 1", "0.1.0", "ab12", "event heater.on did not come", "--bench-seed 7", "silence@3s+5s"),
        *("ad-once at 3 s: ran twice", "The heater heats.", "12.5", "What happened: 2 lines", "2 s", "heater on sent"),
    ):
        assert said in words, said
    rows = {tuple(cell.text or "".join(cell.itertext()) for cell in row) for row in ET.fromstring(text).iter("tr")}
    assert ("failed", "latency", "", "12.5", "10", "ms") in rows
    assert ("passed", "rise", "1", "2", "3", "K") in rows
    assert ("not exercised", "power_cut@9s+1s") in rows
    assert ("failed", "R-7", "The heater heats.", "test_on, test_off") in rows, "the worst of its tests"
    assert ("passed", "R-8", "", "test_off") in rows
    assert "limit" in text


@pytest.mark.parametrize(
    ("value", "low", "high", "holds"),
    [
        *((1.0, 1.0, 1.0, True), (0.9, 1.0, None, False), (1.1, None, 1.0, False), (5.0, None, None, True)),
        *((float("nan"), None, None, False), (float("nan"), 0.0, 1.0, False), (float("inf"), 0.0, None, True)),
    ],
)
def test_a_measure_holds_inside_its_bounds(value: float, low: float | None, high: float | None, holds: bool) -> None:
    assert Measure("m", value, low, high, "s").holds is holds


@given(TEXT, TEXT)
def test_tests_have_anchors_of_their_own(one: str, other: str) -> None:
    assert (anchor(one) == anchor(other)) == (one == other)


def test_a_part_is_plain_text() -> None:
    """So that it passes between processes."""
    assert part(Case("a", "passed", "", "b")) == Part("a", "passed", (), 0, part(Case("a", "passed", "", "b")).html)
