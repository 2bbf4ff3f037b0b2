"""A source file's test is found by its name, or it is said here where else it is tested.

Rule: `aigw/<room>/<stem>.py` has `tests/<room>/test_<stem>.py`; the `plugin.py` of a package of plugins has
`test_<package>.py` in its folder. Where one file is not enough, others are named `test_<stem>_<subject>.py`. What is
only data, a protocol or wiring, or a part that is better tested as a whole, has a row in ELSEWHERE instead."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SOURCES = TESTS.parent / "aigw"

ELSEWHERE = {
    # books, trace
    "books/usage_log.py": "books/test_sqlite_log.py books/test_redis_log.py: a protocol, of which these are the two kinds",
    "books/usage_groups.py": "books/test_usage_query.py books/test_usage_blocks.py: what a summary is made of",
    "trace/record.py": "trace/test_build.py cli/commands/test_trace.py: data, which one makes and the other shows",
    # cli
    "cli/commands/serve.py": "e2e/test_process.py e2e/test_workers.py: wiring, in a process as a user starts it",
    "cli/process.py": "e2e/test_process.py e2e/test_workers.py: signals and exit codes are those of a real process",
    "cli/commands/help.py": "cli/test_main.py: what people type who do not know the options yet",
    "cli/commands/run.py": "e2e/test_run.py: wiring, in a process as a user starts it",
    "cli/commands/stop.py": "cli/commands/test_status.py: what it stops is what the other shows",
    "cli/sources/asked_gateway.py": "cli/commands/test_ask.py: which gateway it asks",
    "cli/sources/chat_requests.py": "cli/commands/test_ask.py: what it sends, and what cannot be sent",
    "cli/sources/conversation.py": "cli/commands/test_ask.py cli/commands/test_chat.py: what both print of an answer",
    "cli/sources/chat.py": "cli/commands/test_chat.py: as a user types",
    "cli/sources/request_texts.py": "cli/commands/test_logs.py: what a gateway shows of what was said",
    "cli/views/logs.py": "cli/commands/test_logs.py: a view is what its command prints",
    "cli/views/answer.py": "cli/commands/test_ask.py: a view is what its command prints",
    "cli/sources/gateways.py": "cli/commands/test_status.py: processes as a user starts them",
    "cli/sources/registration.py": "cli/commands/test_status.py: what a gateway tells of itself is shown there",
    "cli/views/status.py": "cli/commands/test_status.py: a view is what its command prints",
    "cli/sources/private_gateway.py": "e2e/test_run.py: wiring, seen by the command that runs",
    "cli/sources/child.py": "e2e/test_run.py: signals and exit codes are those of a real process",
    "cli/sources/run_calls.py": "e2e/test_run.py cli/views/test_junit.py: data",
    "cli/views/run.py": "e2e/test_run.py: a view is what its command prints",
    "cli/sources/address_probe.py": "cli/doctor/test_setup.py e2e/test_process.py: asked by those who find the port taken",
    "cli/sources/budget.py": "cli/commands/test_budget.py: which accounts its command finds",
    "cli/sources/match_by.py": "cli/test_main.py: data",
    "cli/sources/tally.py": "cli/views/test_served.py: what is told of it",
    "cli/sources/traffic_data.py": "cli/commands/test_traffic.py: what its command prints",
    "cli/default_file.py": "cli/test_main.py: a name",
    "cli/options.py": "cli/commands/test_usage.py cli/test_main.py: declarations, seen by the commands that have them",
    "cli/doctor/check.py": "cli/doctor/test_setup.py: data",
    "cli/sources/config_in_force.py": "cli/sources/test_entrance.py cli/commands/test_ask.py: of the gateway that a command asks",
    "cli/sources/configuration.py": "cli/commands/test_budget.py cli/commands/test_cache.py: what a command says for each of its options",
    "cli/sources/plugin_stores.py": "cli/commands/test_budget.py cli/commands/test_cache.py: the stores of a gateway, by its commands",
    "cli/sources/template_render.py": "cli/commands/test_template.py: what its command prints",
    "cli/sources/template_send.py": "cli/commands/test_template.py: what its command sends, and through whose gateway",
    "cli/sources/transform.py": "cli/commands/test_transform.py: what its command reads, does and asks",
    "cli/views/transform.py": "cli/commands/test_transform.py: a view is what its command prints",
    "cli/sources/templates.py": "cli/commands/test_template.py: found, listed and asked for by its commands",
    "cli/views/template.py": "cli/commands/test_template.py: a view is what its command prints",
    "cli/sources/plugins.py": "cli/commands/test_plugins.py: collected and shown by the same command",
    "cli/views/plugins.py": "cli/commands/test_plugins.py: a view is what its command prints",
    "cli/views/config_keys.py": "cli/commands/test_plugins.py: a view is what its command prints",
    "cli/views/budget.py": "cli/commands/test_budget.py: a view is what its command prints",
    "cli/views/rag.py": "cli/commands/test_rag.py: a view is what its command prints",
    "cli/commands/rag_collections.py": "cli/commands/test_rag.py: commands of the same group",
    "cli/sources/rag.py": "cli/commands/test_rag.py: the collections of a gateway, by its commands",
    "cli/sources/rag_explain.py": "cli/commands/test_rag.py: wiring, seen in what is printed",
    "cli/sources/rag_rebuild.py": "cli/commands/test_rag.py: wiring, seen in what is found afterwards",
    "cli/sources/rag_ingest.py": "cli/commands/test_rag.py: wiring, seen in what is found afterwards",
    "cli/sources/guard.py": "cli/commands/test_guard.py: what its commands screen, and with which rules",
    "cli/views/guard.py": "cli/commands/test_guard.py: a view is what its command prints",
    "cli/views/cache.py": "cli/commands/test_cache.py: a view is what its command prints",
    "cli/views/usage.py": "cli/views/test_top.py cli/commands/test_top.py: no line wraps, whatever the table is in",
    # config, core
    "config/reading.py": "config/test_load.py cli/sources/test_completion.py: files as they are",
    "config/files.py": "config/test_load.py config/test_guard.py: what is read, and what stands in the place of a file",
    "config/model.py": "config/test_check.py config/test_load.py config/test_schema.py: data, read from real files",
    "core/pace.py": "core/test_aside.py: it sets the pace of those jobs",
    "core/answer.py": "dialects/test_openai_chat.py dialects/test_anthropic.py: protocols, which every dialect keeps",
    "core/dialect.py": "dialects/test_openai_chat.py dialects/test_anthropic.py: protocols, which every dialect keeps",
    "core/upstream.py": "upstream/test_http.py upstream/test_standin.py: protocols, which every transport keeps",
    "core/stores.py": "stores/test_memory.py stores/redis/test_stores.py clients/test_redis_config.py: protocols with one contract for all stores",
    # dialects
    "dialects/greeting.py": "server/test_first_call.py: every greeting is answered by the built-in models",
    "dialects/cumulative.py": "dialects/test_gemini.py dialects/test_dashscope.py: the base of two readers, which add what it decides by",
    "dialects/usage_names.py": "dialects/test_usage.py: data",
    "dialects/anthropic_writer.py": "dialects/test_anthropic_whole.py: what is written is read again, also by the SDK",
    "dialects/dashscope_openai_reply.py": "dialects/test_dashscope_openai.py: requests, answers and streams of one translation",
    "dialects/dashscope_openai_stream.py": "dialects/test_dashscope_openai.py: requests, answers and streams of one translation",
    "dialects/dashscope_request.py": "dialects/test_dashscope.py: a dialect is read, viewed and written as one",
    "dialects/dashscope_writer.py": "dialects/test_dashscope.py: a dialect is read, viewed and written as one",
    "dialects/gemini_writer.py": "dialects/test_gemini.py: a dialect is read, viewed and written as one",
    "dialects/openai_chat_writer.py": "upstream/builtin/test_generation.py upstream/builtin/test_generation_text.py: what is written is read again, also by the SDK",
    "dialects/openai_responses_writer.py": "dialects/test_openai_responses_whole.py: what is written is read again, also by the SDK",
    # translation
    "translation/responses/write_items.py": "translation/responses/test_write_request.py: a request is written as one",
    "providers/kept_routes.py": "e2e/test_kept_responses.py: as OpenAI's SDK asks for them",
    "providers/ollama.py": "server/test_start.py: the address that it has in the environment",
    "providers/well_known.py": "providers/test_suggestions.py: data",
    "providers/model_rules.py": "translation/test_translation.py providers/test_translated.py: data",
    "providers/returned_reasoning.py": "e2e/test_returned_reasoning.py: what a vendor gets back is what it said before",
    "providers/too_long.py": "providers/test_translated.py plugins/test_ai_context_limit.py: seen in what a client gets",
    "translation/responses/read_items.py": "translation/responses/test_read_request.py: a request is read as one",
    "translation/responses/read_tools.py": "translation/responses/test_read_request.py: a request is read as one",
    "translation/responses/text_item.py": "translation/responses/test_write_stream.py: an answer is written as one",
    "translation/responses/call_item.py": "translation/responses/test_write_stream.py: an answer is written as one",
    "translation/events.py": "translation/test_ordered.py: data",
    "translation/frame.py": "translation/test_translation.py: data",
    "translation/notes.py": "translation/test_translation.py: data",
    "translation/chat/read_messages.py": "translation/chat/test_read_request.py: messages are read as a part of their request",
    "translation/anthropic/write_messages.py": "translation/anthropic/test_write_request.py: messages are written as a part of their request",
    "translation/anthropic/write_thinking.py": "translation/anthropic/test_write_request.py: what a model shall think is a part of its request",
    "translation/arguments.py": "translation/chat/test_write_request.py: written by each writer",
    "translation/gemini/models.py": "translation/gemini/test_write_request.py: what its requests say to each model",
    "translation/gemini/read_contents.py": "translation/gemini/test_read_request.py: the conversation of a request",
    "translation/thinking.py": "translation/chat/test_write_request.py: written by each writer",
    # higress, metering
    "higress/chat_structs.py": "dialects/test_openai_chat_request.py higress/test_go_json.py: data, by which requests are written anew",
    "providers/request_errors.py": "providers/test_bound.py providers/test_missing_api.py: told by those who refuse",
    "metering/meter.py": "metering/test_spending.py: what was spent is known when a request is settled",
    # plugins: their parts are tested with them, over a scripted upstream and real stores
    "plugins/ai_budget/accounts.py": "plugins/ai_budget/test_ai_budget.py: whose budget it is, seen by whom it refuses",
    "plugins/ai_budget/detector.py": "plugins/ai_budget/test_ai_budget.py: circles, over several requests of a session",
    "plugins/ai_budget/refusal.py": "plugins/ai_budget/test_ai_budget.py cli/commands/test_budget.py: messages, and that what they say to type is right",
    "plugins/ai_cache/contents.py": "cli/commands/test_cache.py: only its commands look at what is stored",
    "plugins/ai_cache/trial.py": "cli/commands/test_cache.py: what `aigw cache explain` says of real entries",
    "plugins/ai_history/config.py": "plugins/ai_history/test_ai_history.py: what its keys do to whole requests",
    "plugins/ai_history/higress.py": "plugins/ai_history/test_ai_history.py: the same requests as with `safe`",
    "plugins/ai_history/safe.py": "plugins/ai_history/test_ai_history.py: what is added and kept, over several requests of a user",
    "plugins/ai_json_resp/model_calls.py": "plugins/ai_json_resp/test_ai_json_resp.py: what a model is asked, in each API",
    "plugins/ai_json_resp/config.py": "plugins/ai_json_resp/test_ai_json_resp.py: what its keys do to whole requests",
    "plugins/ai_json_resp/higress.py": "plugins/ai_json_resp/test_ai_json_resp.py: the same answers as with `safe`",
    "plugins/ai_json_resp/safe.py": "plugins/ai_json_resp/test_ai_json_resp.py: what a client gets of a model's answers",
    "plugins/ai_quota/quota.py": "plugins/ai_quota/test_ai_quota.py: whom it lets in, as the plugin's configuration chooses",
    "plugins/ai_transformer/bodies.py": "plugins/ai_transformer/test_ai_transformer.py: what passes by, and why",
    "plugins/ai_transformer/kept_messages.py": "plugins/ai_transformer/test_ai_transformer.py: what is kept is seen by who is not asked again",
    "plugins/ai_transformer/models.py": "plugins/ai_transformer/test_ai_transformer.py plugins/ai_transformer/test_higress.py: who is asked, and what",
    "plugins/ai_transformer/safe.py": "plugins/ai_transformer/test_ai_transformer.py: what becomes of requests and answers",
    "plugins/ai_transformer/steps.py": "plugins/ai_transformer/test_rules.py: a rule is what its step does",
    "plugins/ai_transformer/transformation.py": "plugins/ai_transformer/test_ai_transformer.py: what becomes of requests and answers",
    "plugins/ai_token_ratelimit/enforcement.py": "plugins/ai_token_ratelimit/test_ai_token_ratelimit.py: whom it lets in, as the plugin's configuration chooses",
    "plugins/ai_quota/admin.py": "plugins/ai_quota/test_ai_quota.py: an API behind the plugin's own paths",
    "plugins/ai_statistics/ai_log.py": "plugins/ai_statistics/test_ai_statistics.py: what is logged follows from a whole answer",
    "plugins/ai_statistics/attributes.py": "plugins/ai_statistics/test_ai_statistics.py: what is logged follows from a whole answer",
    # providers
    "providers/call.py": "providers/test_bound.py: data",
    "providers/chat_vendors.py": "providers/test_catalog.py: rows of the catalog",
    "providers/edits.py": "providers/test_bound.py providers/test_mapping.py providers/test_custom_settings.py plugins/test_ai_proxy.py: wiring of parts with tests of their own, and its order as the cases of Higress have it",
    # guard
    "guard/finding.py": "guard/test_screen.py: data",
    "guard/rule.py": "guard/test_screen.py: data",
    "guard/settings.py": "guard/test_screen.py config/test_semantics.py: data, read from real files",
    "guard/wording.py": "guard/test_attacks.py: data",
    "guard/wording_english.py": "guard/test_attacks.py: data, by which attacks are found",
    "guard/wording_chinese.py": "guard/test_attacks.py: data, by which attacks are found",
    "guard/wording_european.py": "guard/test_attacks.py: data, by which attacks are found",
    # rag
    "rag/document.py": "rag/readers/test_text.py rag/readers/test_markdown.py: data",
    # rag
    "rag/settings.py": "rag/embedders/test_table.py config/test_schema.py: data, by which embedders are chosen",
    # server
    "server/edge.py": "e2e/test_raw_bodies.py e2e/test_raw_connections.py e2e/test_routes.py: what a client sees on a real socket",
    "server/intake.py": "e2e/test_raw_bodies.py e2e/test_slow_bodies.py e2e/test_forms.py: bodies as they come over a real socket",
    "core/allowance.py": "server/page/test_numbers.py: data, which plugins make and the page shows",
    "cli/doctor/running.py": "cli/test_page_views.py: the checks of doctor, in a gateway that runs",
    "server/page/views.py": "cli/test_page_views.py: data",
    "server/page/own_views.py": "cli/test_page_views.py: wiring, seen in a gateway that runs",
    "server/page/inspection.py": "server/page/test_page.py: wiring, seen in a gateway that runs",
    "server/page/requests.py": "server/page/test_page.py: what the list shows, read from a gateway that runs",
    "server/page/details.py": "server/page/test_page.py: what one request shows, read from a gateway that runs",
    "server/page/new_requests.py": "server/page/test_events.py: seen by those who read events",
    "server/gateway.py": "server/test_start.py server/test_reload.py server/test_admin.py: wiring, seen in a gateway that runs",
    "providers/attempt.py": "providers/test_router.py: what it returns, the router goes on with",
    "server/generation.py": "server/test_reload.py server/test_admin.py: wiring, seen in a gateway that runs",
    "server/knowledge.py": "test_recipes.py: wiring, seen in a gateway that runs",
    # resources
    "resources/shapes.py": "resources/test_wasm_plugin.py resources/test_ingress.py resources/exporting/test_resources.py: data",
    "resources/annotations.py": "resources/test_ingress.py: a table, each row of which is looked at",
    "resources/importing/joining.py": "resources/importing/test_configuration.py: resources become one configuration",
    "resources/importing/unmapped.py": "resources/importing/test_configuration.py resources/exporting/test_resources.py: what is kept is given back",
    "resources/importing/refusals.py": "resources/importing/test_configuration.py: what is refused is left out",
    "resources/importing/plugins.py": "resources/importing/test_configuration.py: resources become one configuration",
    "resources/importing/balance.py": "resources/importing/test_configuration.py: resources become one configuration",
    "resources/importing/fallbacks.py": "resources/importing/test_configuration.py: resources become one configuration",
    "resources/importing/routes.py": "resources/importing/test_configuration.py: resources become one configuration",
    "resources/importing/services.py": "resources/importing/test_configuration.py: resources become one configuration",
    "resources/exporting/losses.py": "resources/exporting/test_resources.py: what is written means the same when it is read",
    "resources/exporting/places.py": "resources/exporting/test_resources.py: what is written means the same when it is read",
    "resources/exporting/sections.py": "resources/exporting/test_resources.py: what is written means the same when it is read",
    "resources/exporting/shares.py": "resources/exporting/test_resources.py: what is written means the same when it is read",
    "resources/exporting/plugins.py": "resources/exporting/test_resources.py: what is written means the same when it is read",
    "resources/exporting/routes.py": "resources/exporting/test_resources.py: what is written means the same when it is read",
    "resources/exporting/services.py": "resources/exporting/test_resources.py: what is written means the same when it is read",
    "resources/exporting/source.py": "resources/exporting/test_resources.py: what is written means the same when it is read",
    "cli/sources/resource_files.py": "cli/commands/test_higress.py: what its commands read and write",
    "cli/views/higress.py": "cli/commands/test_higress.py: a view is what its command prints",
    "cli/doctor/higress.py": "cli/commands/test_higress.py: what the doctor prints for it",
    # standins
    "standins/answers.py": "standins/test_dashscope.py standins/dashvector/test_standin.py: what is read and written by both",
    # standins
    "standins/dashvector/codes.py": "standins/dashvector/test_standin.py: data",
    # traffic
    "traffic/format/call.py": "traffic/format/test_building.py e2e/test_recordings.py: data, noted of real exchanges",
    "traffic/format/folding.py": "traffic/format/test_building.py: what an answer says, beside the rest of its recording",
    "traffic/matching/identity.py": "e2e/test_recordings.py cli/commands/test_serve_recordings.py: what is found again, also where the base URL is another one",
    "traffic/format/recording.py": "traffic/format/test_folder.py traffic/format/test_building.py: data",
    "traffic/recordings.py": "e2e/test_recordings.py: wiring, seen in a gateway that runs",
    "traffic/replay/refresher.py": "e2e/test_recordings.py: files that change while a gateway runs",
    "traffic/replay/report.py": "e2e/test_recordings.py: data",
    "traffic/settings.py": "e2e/test_recordings.py config/test_schema.py: data",
    "upstream/no_network.py": "e2e/test_recordings.py: a gateway without a way out",
    "cli/sources/changed_config.py": "cli/commands/test_what_if.py: a gateway of its own, by its command",
    "cli/sources/client_key.py": "cli/commands/test_replay.py: the key of a gateway, by its commands",
    "cli/sources/rows_by_id.py": "cli/commands/test_replay.py: what the books of a gateway say, by its commands",
    "cli/sources/replay.py": "cli/commands/test_replay.py: what its command sends, and through whose gateway",
    "cli/sources/diff.py": "cli/commands/test_diff.py: what its command compares",
    "cli/views/diff.py": "cli/commands/test_diff.py: a view is what its command prints",
    "cli/sources/lint.py": "cli/commands/test_replay_lint.py: what its command compares",
    "cli/views/lint.py": "cli/commands/test_replay_lint.py: a view is what its command prints",
    "cli/sources/what_if.py": "cli/commands/test_what_if.py: what its command prints",
    "cli/views/what_if.py": "cli/commands/test_what_if.py: a view is what its command prints",
    "cli/views/outcomes.py": "cli/commands/test_replay.py: a view is what its command prints",
    "cli/views/replay.py": "cli/commands/test_replay.py: a view is what its command prints",
    "cli/sources/recordings.py": "cli/commands/test_serve_recordings.py: what the options of `aigw serve` do",
    "cli/sources/traffic.py": "cli/commands/test_traffic.py: read and changed by its commands",
    "cli/sources/traffic_export.py": "cli/commands/test_traffic.py: what its command writes",
    "cli/views/models.py": "cli/commands/test_models.py: a view is what its command prints",
    "cli/views/env.py": "cli/commands/test_env.py: a view is what its command prints",
    "cli/views/traffic.py": "cli/commands/test_traffic.py: a view is what its command prints",
    "cli/views/recordings.py": "cli/commands/test_serve_recordings.py: what `aigw serve` says at its end",
    "core/asking.py": "pipeline/test_asking.py: protocols, which the one that asks has",
    "dialects/question.py": "pipeline/test_asking.py: what a model is asked",
    "higress/moderation.py": "conformance/test_cases.py plugins/ai_security_guard/test_safe.py: what was recorded of Higress",
    "guard/judge.py": "standins/test_judge.py: what is asked, and how the answer is read",
    "clients/green_cip.py": "standins/test_green_cip.py plugins/ai_security_guard/test_safe.py: what it sends and reads, against its stand-in",
    "plugins/ai_security_guard/answers.py": "plugins/ai_security_guard/test_safe.py: answers as clients get them",
    "plugins/ai_security_guard/consumers.py": "plugins/ai_security_guard/test_config.py conformance/test_cases.py: whose bars are asked for",
    "plugins/ai_security_guard/refusals.py": "plugins/ai_security_guard/test_safe.py conformance/test_cases.py: what clients get",
    "plugins/ai_security_guard/higress.py": "conformance/test_cases.py: what was recorded of Higress",
    "plugins/ai_security_guard/plugin.py": "plugins/ai_security_guard/test_safe.py: what is built",
    "dialects/openai_chat_texts.py": "dialects/test_answer_texts.py: one table for all formats",
    "dialects/anthropic_texts.py": "dialects/test_answer_texts.py: one table for all formats",
    "dialects/gemini_texts.py": "dialects/test_answer_texts.py: one table for all formats",
    "dialects/generic_texts.py": "dialects/test_answer_texts.py: one table for all formats",
    "dialects/dashscope_texts.py": "dialects/test_answer_texts.py: one table for all formats",
    "dialects/openai_responses_texts.py": "dialects/test_answer_texts.py: one table for all formats",
    # stores, upstream
    "stores/faiss/access.py": "stores/faiss/test_collection.py stores/faiss/test_changes.py: what others do meanwhile, and what they left",
    "stores/faiss/failures.py": "stores/faiss/test_collection.py: what a user is told of real damage",
    "stores/faiss/manifest.py": "stores/faiss/test_collections.py: what is kept, read through the contract of all collections",
    "stores/redis/scripts.py": "stores/redis/test_counter.py: Lua, which a real server runs",
    "upstream/builtin/settings.py": "upstream/builtin/test_mock.py upstream/builtin/test_delivery.py: data",
}  # fmt: skip
"""The test files through which a source file is tested, and why."""

OF_NO_FILE = {
    "plugins/test_about.py": "what every plugin says about itself, whichever there are",
    "translation/test_every_field.py": "the readers of all formats, by the types of the vendors' SDKs",
    "translation/test_chat_and_messages.py": "two formats there and back, through readers and writers of both",
    "dialects/test_made_up.py": "a dialect that is only there: a new one needs a file and a row",
}
"""Test files in a room that belong to no source file, and why."""


def own_test(source: str) -> str:
    """The test file that is found by the name of a source file."""
    path = Path(source)
    in_package = path.parts[0] == "plugins" and path.stem == "plugin"
    return str(path.with_name(f"test_{path.parent.name if in_package else path.stem}.py"))


def files(root: Path, pattern: str) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob(pattern)}


ALL_SOURCES = {path for path in files(SOURCES, "*.py") if Path(path).name not in ("__init__.py", "__main__.py")}
ALL_TESTS = files(TESTS, "test_*.py")
ROOMS = {path.name for path in SOURCES.iterdir() if path.is_dir()}
IN_ROOMS = {path for path in ALL_TESTS if Path(path).parts[0] in ROOMS}
OWN = {own_test(source) for source in ALL_SOURCES}


def belongs(test: str) -> bool:
    """Whether it is the test of a source file, or has one's name in front of its subject."""
    words = Path(test).stem.split("_")
    return any(str(Path(test).with_name("_".join(words[:end]) + ".py")) in OWN for end in range(2, len(words) + 1))


@pytest.mark.parametrize("source", sorted(ALL_SOURCES - ELSEWHERE.keys()))
def test_a_source_file_has_its_test(source):
    assert own_test(source) in ALL_TESTS, f"write tests/{own_test(source)}, or say in ELSEWHERE where it is tested"


@pytest.mark.parametrize("source", ELSEWHERE)
def test_what_is_tested_elsewhere_is(source):
    named, _, why = ELSEWHERE[source].partition(": ")
    assert source in ALL_SOURCES, "there is no such file (any more)"
    assert own_test(source) not in ALL_TESTS, "it has a test of its own"
    assert set(named.split()) <= ALL_TESTS, "a test that it names is gone"
    assert why


@pytest.mark.parametrize("test", sorted(IN_ROOMS))
def test_a_test_file_belongs_to_a_source_file(test):
    stated = test in OF_NO_FILE
    assert belongs(test) != stated, "it belongs to a source file" if stated else "name it after what it tests"


def test_what_belongs_to_no_file_is_there():
    assert OF_NO_FILE.keys() <= IN_ROOMS
