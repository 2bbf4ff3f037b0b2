"""aigw/plugins/ai_security_guard/moderation.py: long texts are checked in slices, and what is said is noted."""

import pytest
from fakes import FakeClock, answer_json
from hypothesis import given
from hypothesis import strategies as st
from world import world

from aigw.plugins.ai_security_guard.moderation import Slicing

CONFIG = {
    "serviceName": "green.dns", "servicePort": 443, "serviceHost": "green.example", "accessKey": "a", "secretKey": "s",
    "checkRequest": True,
}  # fmt: skip


@given(st.text(min_size=1), st.integers(4, 30), st.integers(0, 30))
def test_a_slice_is_of_whole_characters_and_not_too_long(text, characters, size):
    piece = Slicing(characters, size, 0).first(text, 0)
    assert text.startswith(piece)
    assert 1 <= len(piece) <= characters
    assert not size or len(piece) == 1 or len(piece.encode()) <= size


async def sent(fidelity, text):
    clean = answer_json({"Code": 200, "RequestId": "R", "Data": {"RiskLevel": "none"}})
    async with world({"ai-security-guard": CONFIG}, clean, fidelity=fidelity) as it:
        await it.ask({"model": "m", "messages": [{"role": "user", "content": text}]})
        return [request.body.decode() for request, target in it.upstream.sent if "green" in target.authority], it


@pytest.mark.parametrize(("fidelity", "most"), [("higress", 3), ("safe", 3)])
async def test_a_long_text_goes_in_slices(fidelity, most):
    bodies, _ = await sent(fidelity, "a" * 3700)
    assert len(bodies) == most


async def test_slices_overlap_in_safe():
    phrase = "here it is"
    bodies, _ = await sent("safe", "a" * 1795 + phrase + "b" * 100)
    assert any("here+it+is" in body for body in bodies)
    bodies, _ = await sent("higress", "a" * 1795 + phrase + "b" * 100)
    assert not any("here+it+is" in body for body in bodies)


async def test_words_that_were_found_are_logged_on_request():
    answer = answer_json(
        {"Code": 200, "Data": {"RiskLevel": "high", "Result": [{"Label": "ad", "RiskWords": "buy now"}]}}
    )
    for fidelity, more, words in (
        ("safe", {}, None),
        ("safe", {"logWords": True}, "buy now"),
        ("higress", {}, "buy now"),
    ):
        async with world({"ai-security-guard": {**CONFIG, **more}}, answer, fidelity=fidelity) as it:
            seen = await it.ask()
        assert seen.labels.ai_log["safecheck_riskLabel"] == "ad"
        assert seen.labels.ai_log.get("safecheck_riskWords") == words


@pytest.mark.parametrize("fidelity", ["safe", "higress"])
async def test_images_are_checked(fidelity):
    bad = answer_json({"Code": 200, "RequestId": "R", "Data": {"RiskLevel": "max", "Result": [{"Label": "porn"}]}})
    images = ("https://x/1.png", "data:image/png;base64,AA==")
    config = {**CONFIG, "checkRequest": False, "checkRequestImage": True}
    for image, form in zip(images, ("imageUrls", "ImageBase64Str=AA%3D%3D"), strict=True):
        content = [{"type": "image_url", "image_url": {"url": image}}]
        async with world({"ai-security-guard": config}, bad, fidelity=fidelity) as it:
            seen = await it.ask({"model": "m", "messages": [{"role": "user", "content": content}]})
        (request,) = [request for request, _ in it.upstream.sent]
        assert (request.query, form in request.body.decode()) == ("Service=img_query_security_check", True)
        assert request.headers["x-acs-action"].startswith("MultiModalGuard")
        assert seen.json()["model"] == "from-security-guard"
        (told,) = seen.labels.ai_log["safecheck_requests"]
        assert (told["modality"], told["result"]) == ("image", "deny")


class _Busy(FakeClock):
    """A clock in whose time each look takes 3 ms."""

    def monotonic(self):
        self.now += 0.003
        return self.now


async def test_others_get_a_turn_between_texts():
    turns = []

    async def sleep(seconds):
        turns.append(seconds)

    messages = [{"role": "user", "content": f"text {number}"} for number in range(20)]
    clean = answer_json({"Code": 200, "Data": {"RiskLevel": "none"}})
    async with world({"ai-security-guard": CONFIG}, clean, clock=_Busy(), sleep=sleep) as it:
        await it.ask({"model": "m", "messages": messages})
    assert 5 <= len(turns) <= 20
    assert set(turns) == {0}
