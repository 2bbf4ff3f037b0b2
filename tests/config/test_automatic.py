"""What a start without a file makes of an environment."""

from aigw.config.automatic import automatic
from aigw.providers.mapping import ModelMapping


def test_a_model_of_ollama_is_known_with_and_without_its_tag_latest():
    config = automatic({"GROQ_API_KEY": "k"}, ("127.0.0.1", 1), ["llama3.2:latest", "qwen3:8b"])
    by_model = ModelMapping(config["byModel"])
    assert [by_model.map(name) for name in ("llama3.2:latest", "llama3.2", "qwen3:8b")] == ["ollama"] * 3
    assert by_model.map("qwen3") == "qwen3"
    assert by_model.map("llama-3.3-70b-versatile") == "groq"
