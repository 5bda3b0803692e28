"""Forms: what people really type becomes values or one Chinese sentence at the field."""

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import fields

from timebank.core.errors import Conflict, Invalid, NotFound
from timebank.web.forms import Count, Form, FormSchema, OneOf, Text, tidy_text


class Row(FormSchema):
    place = Text(10, required=True)
    capacity = Count(1, 500, required=True)


class Sample(FormSchema):
    title = Text(20, required=True)
    minutes = Count(1, 1440, required=True)
    on = fields.Date()
    colour = fields.String(validate=OneOf(["red"]))
    tags = fields.List(fields.String())
    shifts = fields.List(fields.Nested(Row))


def form(**typed):
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "x"
    with app.test_request_context("/", method="POST", data=typed):
        made = Form(Sample())
        try:
            return made, made.load()
        except Invalid as refusal:
            made.refuse(refusal)
            return made, None


def test_full_width_digits_and_stray_spaces_are_understood():
    _, loaded = form(title="  大扫除　", minutes="１２０", on="２０２６-11-21")
    assert (loaded["title"], loaded["minutes"], loaded["on"].isoformat()) == ("大扫除", 120, "2026-11-21")


@pytest.mark.parametrize(
    ("typed", "field", "says"),
    [
        ({}, "title", "必填"),
        ({"title": "   "}, "title", "必填"),
        ({"title": "长" * 10_000}, "title", "1 到 20 个字"),
        ({"minutes": "0"}, "minutes", "1 到 1440"),
        ({"minutes": "-5"}, "minutes", "1 到 1440"),
        ({"minutes": "1.5"}, "minutes", "整数"),
        ({"minutes": "一百"}, "minutes", "整数"),
        ({"minutes": "9" * 400}, "minutes", "1 到 1440"),
        ({"on": "2026-02-30"}, "on", "日期格式不对"),
        ({"colour": "blue"}, "colour", "选项"),
        ({"shifts-0-place": "门口", "shifts-0-capacity": "0"}, "shifts-0-capacity", "1 到 500"),
        ({"shifts-2-capacity": "5"}, "shifts-2-place", "必填"),
    ],
)
def test_a_wrong_field_gets_one_chinese_sentence(typed, field, says):
    made, loaded = form(**typed)
    assert loaded is None
    assert made.status == 422
    assert says in made.error(field)


def test_rare_characters_and_emoji_survive():
    _, loaded = form(title="𠮷野🌸㛃", minutes="1")
    assert loaded["title"] == "𠮷野🌸㛃"


def test_control_and_private_characters_are_dropped():
    assert tidy_text("a\x00b\x07c\ue000\n d\r\n") == "abc\n d"


@given(st.text())
def test_tidying_is_idempotent(text):
    assert tidy_text(tidy_text(text)) == tidy_text(text)


def test_unknown_fields_are_left_alone():
    _, loaded = form(title="a", minutes="1", is_admin="1")
    assert set(loaded) == {"title", "minutes"}


def test_what_was_typed_is_shown_again():
    made, _ = form(title="大扫除", minutes="x")
    app = Flask(__name__)
    with app.test_request_context("/", method="POST", data={"title": "大扫除"}):
        assert Form(Sample()).value("title") == "大扫除"
    assert made.key


def test_a_conflict_is_shown_in_the_form_and_a_missing_thing_is_not():
    made, _ = form(title="a", minutes="1")
    with made.catching():
        raise Conflict()
    assert made.status == 409
    with pytest.raises(NotFound), made.catching():
        raise NotFound()


@pytest.mark.parametrize("sent", ["", "钥匙", "a b", "a" * 65, "x\x00y", "../../etc"])
def test_a_form_key_that_no_page_of_ours_sent_is_replaced(sent: str) -> None:
    made, _ = form(form_key=sent)
    assert made.key != sent
    assert len(made.key) == 22


def test_a_form_key_of_ours_stays():
    made, _ = form(form_key="aB3_-" * 4)
    assert made.key == "aB3_-" * 4
