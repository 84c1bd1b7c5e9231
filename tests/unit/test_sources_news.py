"""News and reference data become messages with stable ids."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from schemas.news import Security, decode_security
from streams.errors import UserError
from streams.sources.news import read_news, read_securities

NEWS = """ts,headline,symbols,source,url,dataset
2018-02-14T10:00:00Z,"Later, with a comma",AAPL|MSFT,NYT,https://a.example/1,x
2018-02-14T01:15:56Z,Earlier,,Benzinga,,x
"""


def messages(path: Path) -> list[dict[str, object]]:
    return [orjson.loads(message.value) for message in read_news(path)]


def test_news_come_in_order_of_time_with_their_symbols(tmp_path: Path) -> None:
    path = tmp_path / "n.csv"
    path.write_text(NEWS)
    earlier, later = messages(path)
    assert (earlier["headline"], earlier["symbols"], earlier["source"]) == (
        "Earlier",
        [],
        "Benzinga",
    )
    assert "url" not in earlier
    assert later["ts"] == "2018-02-14T10:00:00Z"
    assert later["symbols"] == ["AAPL", "MSFT"]
    assert later["url"] == "https://a.example/1"
    assert [m.key.decode() for m in read_news(path)] == [earlier["id"], later["id"]]


def test_an_id_depends_on_the_item_only(tmp_path: Path) -> None:
    path = tmp_path / "n.csv"
    path.write_text(NEWS)
    ids = [message["id"] for message in messages(path)]
    header, *rows = NEWS.splitlines()
    path.write_text("\n".join([header, *rows[::-1]]))
    assert [message["id"] for message in messages(path)] == ids
    path.write_text(NEWS.replace("Earlier", "Another"))
    assert messages(path)[0]["id"] != ids[0]
    path.write_text("ts,headline,id\n2018-02-14T01:15:56Z,Earlier,mine\n")
    assert messages(path)[0]["id"] == "mine"


def test_recorded_news_are_sent_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text(
        '{"_topic":"quotes","symbol":"A","ts":1,"price":1}\n'
        '{"_topic":"news","id":"7","ts":"2018-02-14T01:15:56Z","headline":"x","symbols":[]}\n'
    )
    (message,) = read_news(path)
    assert message.key == b"7"
    assert message.ts == 1_518_570_956_000_000


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (NEWS.replace("Earlier", ""), "row 2, column headline: is empty"),
        (NEWS.replace("2018-02-14T01:15:56Z", "soon"), "row 2, column ts: 'soon' is not a time"),
        (NEWS.replace("AAPL|MSFT", "AAPL;MSFT;GOOGL"), "row 1, column symbols: 'AAPL;MSFT;GOOGL'"),
        (NEWS.replace("headline", "title"), "column headline is missing"),
        (NEWS.splitlines()[0], "has columns but no rows"),
    ],
)
def test_what_is_no_news_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "n.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=complaint.replace("|", r"\|")):
        read_news(path)


def test_reference_data_take_the_finest_industry_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text(
        "symbol,name,sector,nasdaq_industry,gics_sub_industry_2026\n"
        "A,Agilent,Health Care,Biotechnology,Life Sciences Tools\n"
        "XYZ,,,Shoes,\n"
        "NA,,,,\n"
    )
    rows = [orjson.loads(message.value) for message in read_securities(path)]
    assert rows == [
        {
            "symbol": "A",
            "name": "Agilent",
            "sector": "Health Care",
            "industry": "Life Sciences Tools",
        },
        {"symbol": "XYZ", "industry": "Shoes"},
        {"symbol": "NA"},
    ]


def test_reference_data_without_a_name_are_messages_of_the_topic(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("symbol,name,sector\nAABA,,\n")
    (message,) = read_securities(path)
    assert decode_security(message.value) == Security("AABA")


def test_reference_data_without_a_symbol_are_named(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("symbol,sector\nA,Energy\n,Energy\n")
    with pytest.raises(UserError, match="row 2, column symbol"):
        read_securities(path)
