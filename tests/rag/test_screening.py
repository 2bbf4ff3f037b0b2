"""Documents are screened before they are kept."""

from aigw.guard.settings import GuardSettings, UserRule
from aigw.rag.document import Block, Document
from aigw.rag.screening import document_screen

CARD = "4111 1111 " + "1111 1111"
DOCUMENT = Document(
    "For ann@example.com",
    [
        Block("heading", "# Ann, ann@example.com", 1, 1, level=1, title="Ann, ann@example.com"),
        Block("paragraph", f"Charge {CARD}.\nAsk bob@example.com.", 2, 3),
        Block("heading", "", level=1, title="Call 13800138000"),
    ],
)
FOUND = {"email": 3, "card": 1, "phone": 1}


def test_what_is_found_is_counted_and_the_document_stays():
    screen = document_screen(GuardSettings())
    screened = screen.screen(DOCUMENT)
    assert screened.document is DOCUMENT
    assert (screened.found, screened.blocked, screen.changes) == (FOUND, "", "")


def test_with_masks_nothing_of_it_is_kept():
    screened = document_screen(GuardSettings(ingest="mask")).screen(DOCUMENT)
    assert screened.found == FOUND
    title, (heading, paragraph, bare) = screened.document
    assert title == "For [email]"
    assert (heading.text, heading.title) == ("# Ann, [email]", "Ann, [email]")
    assert (paragraph.text, paragraph.first, paragraph.last) == ("Charge [card].\nAsk [email].", 2, 3)
    assert bare.title == "Call [phone]"


def test_a_rule_blocks_only_where_documents_are_changed():
    rules = [UserRule(label="names", words=["Ann"])]
    assert document_screen(GuardSettings(rules=rules)).screen(DOCUMENT).blocked == ""
    assert document_screen(GuardSettings(rules=rules, ingest="mask")).screen(DOCUMENT).blocked == "names"


def test_other_rules_change_documents_in_another_way():
    settings = [
        GuardSettings(ingest="mask"),
        GuardSettings(ingest="mask", off=["card"]),
        GuardSettings(ingest="mask", strict=True),
    ]
    assert len({document_screen(each).changes for each in settings}) == 3
    keys = GuardSettings(ingest="mask", access_keys={"a": "b"})
    assert document_screen(keys).changes == document_screen(settings[0]).changes


def test_it_can_be_off():
    assert document_screen(GuardSettings(ingest="off")) is None
