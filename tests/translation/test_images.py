"""Conversations for models that see no images."""

from aigw.translation.hub import Media, Message, Result, Text
from aigw.translation.images import UNSEEN, without_images
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
