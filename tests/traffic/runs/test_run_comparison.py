"""Two recorded runs: what differs in requests as they left, and in answers."""

import itertools

from recorded_calls import RULES, assistant, chat_call, embeddings_call, said, user, written

from aigw.pricing.prices import PriceOverride, Prices
from aigw.traffic.runs.client_calls import read_run
from aigw.traffic.runs.run_comparison import compare, priced_run

PRICES = Prices({"gpt-4o*": PriceOverride(input=1, output=1)})
_numbers = itertools.count()


def system(text):
    return {"role": "system", "content": text}


async def compared(tmp_path, old, new, secrets=()):
    folders = [written(tmp_path / f"{name}{next(_numbers)}", *calls) for name, calls in (("old", old), ("new", new))]
    sides = [await priced_run(folder, read_run(folder), PRICES) for folder in folders]
    return compare(*sides, RULES, secrets)


def talk(prompt="Be brief.", model="gpt-4o", tools=(), second="And of Italy?"):
    first = [system(prompt), user("What is the capital of France?")]
    fields = {"tools": list(tools)} if tools else {}
    return [
        (chat_call(*first, **fields)._replace(model=model), said("Paris.")),
        (chat_call(*first, assistant("Paris."), user(second), **fields)._replace(model=model), said("Rome.")),
    ]


async def test_the_same_run(tmp_path):
    found = await compared(tmp_path, talk(), talk())
    assert (len(found.calls), found.differs) == (2, False)


async def test_a_prompt_that_was_edited(tmp_path):
    found = await compared(tmp_path, talk(), talk("Be kind."))
    assert [[str(each) for each in call.request] for call in found.calls] == [
        ['messages[0].content: "Be brief." -> "Be kind."']
    ] * 2
    assert [call.answer for call in found.calls] == [[], []]


async def test_a_tool_that_was_described_anew(tmp_path):
    def tool(text):
        return {"type": "function", "function": {"name": "f", "description": text, "parameters": {}}}

    found = await compared(tmp_path, talk(tools=[tool("Adds.")]), talk(tools=[tool("Sums.")]))
    assert str(found.calls[0].request[0]) == 'tools[0].function.description: "Adds." -> "Sums."'


async def test_what_a_plugin_adds_to_a_prompt_is_a_difference(tmp_path):
    ((call, answer), _) = talk()
    decorated = chat_call(system("Be brief."), user("What is the capital of France?"), user("Be exact.")).sent
    found = await compared(tmp_path, [(call, answer)], [(call._replace(sent=decorated), answer)])
    (only,) = found.calls
    assert (only.old is not None, only.new is not None) == (True, True)
    assert [each.path for each in only.request] == ["messages[2]"]


async def test_another_provider_is_a_difference(tmp_path):
    ((call, answer), _) = talk()
    found = await compared(tmp_path, [(call, answer)], [(call._replace(service="azure"), answer)])
    assert [str(each) for each in found.calls[0].request] == ['service: "openai" -> "azure"']


async def test_calls_that_were_added_and_removed(tmp_path):
    more = (chat_call(user("Hi")), said("Hello."))
    found = await compared(tmp_path, talk(), [more, *talk()])
    assert [(call.old is None, call.new is None) for call in found.calls] == [
        (True, False), (False, False), (False, False),
    ]  # fmt: skip
    assert (await compared(tmp_path, [*talk(), more], talk())).calls[-1].new is None


async def test_another_answer(tmp_path):
    ((call, _), _) = talk()
    found = await compared(tmp_path, [(call, said("Paris."))], [(call, said("Lyon."))])
    assert (found.calls[0].request, found.calls[0].answer) == ([], ["text"])


async def test_a_secret_of_the_configuration_is_not_shown(tmp_path):
    old, new = talk("The word is swordfish99."), talk("The word is swordfish99!")
    found = await compared(tmp_path, old, new, ["swordfish99"])
    assert "swordfish99" not in repr(found.calls[0].request)


async def test_calls_without_turns(tmp_path):
    old = [(embeddings_call(text), said("")) for text in ("a", "b", "c")]
    new = [(embeddings_call(text), said("")) for text in ("a", "x", "c")]
    found = await compared(tmp_path, old, new)
    assert [[str(each) for each in call.request] for call in found.calls] == [[], ['input: "b" -> "x"'], []]
