"""Conversations for models that see no images."""

from aigw.translation.hub import Media, Message, Result, Text
from aigw.translation.images import UNSEEN, shown_by_user, without_images
from aigw.translation.notes import Notes

IMAGE, SOUND = Media("image", "image/png", "QQ=="), Media("audio", "audio/wav", "QQ==")


def test_a_word_stands_in_the_place_of_each_image():
    notes = Notes()
    given = (Message("user", (Result("c", (Text("see"), IMAGE)), Text("hi"), IMAGE, SOUND)),)
    assert without_images(given, notes) == (
        Message("user", (Result("c", (Text("see"), UNSEEN)), Text("hi"), UNSEEN, SOUND)),
    )
    assert notes.lost == ["images"]


def test_nothing_is_lost_without_images():
    notes = Notes()
    assert without_images((Message("user", (Text("hi"),)),), notes) == (Message("user", (Text("hi"),)),)
    assert notes.lost == []


def test_what_the_assistant_has_shown_is_shown_by_the_user():
    """Chat completions and Responses have no place for it: what a model of Gemini has drawn would be lost."""
    hi, call = Message("user", (Text("hi"),)), Message("user", (Result("c", (Text("r"),)),))
    drawn, told = Message("assistant", (Text("here"), IMAGE)), Message("assistant", (Text("here"), Text("[image]")))
    assert shown_by_user((hi, drawn, hi, Message("assistant", (Text("so"),)))) == (
        hi, told, Message("user", (IMAGE, Text("hi"))), Message("assistant", (Text("so"),)),
    )  # fmt: skip
    assert shown_by_user((drawn, call)) == (told, Message("user", (IMAGE, *call.parts)))
    system = Message("system", (Text("s"),))
    assert shown_by_user((drawn, system, drawn)) == (
        told,
        Message("user", (IMAGE,)),
        system,
        told,
        Message("user", (IMAGE,)),
    )
