import base64
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from aigw.core.retrieval import RetrievalError
from aigw.stores.milvus.address import parse
from aigw.stores.milvus.server import Server


def run(code, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
    )


LOST = """
import sys
from aigw.core.retrieval import RetrievalError
from aigw.stores.milvus.address import parse
from aigw.stores.milvus.server import Server
try:
    Server(parse("milvus://127.0.0.1:1"), 0.2).call("", "list_collections")
except RetrievalError as error:
    print(error)
"""


def test_a_failure_is_told_once():
    """pymilvus itself would write it to stderr, with a traceback."""
    result = run(LOST)
    assert "127.0.0.1:1 cannot be reached" in result.stdout
    assert result.stderr == ""


def test_a_missing_package_is_named(tmp_path):
    (tmp_path / "pymilvus.py").write_text("raise ImportError('no pymilvus here')")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    assert "pip install '.[milvus]' in the clone of aigw" in run(LOST, PYTHONPATH=path).stdout


def test_a_file_of_variables_is_not_read(tmp_path):
    """pymilvus would read a .env of any folder above its own."""
    code = "import os, sys; sys.path.insert(0, sys.argv[1]);" + LOST + "print(os.environ.get('PYTHON_DOTENV_DISABLED'))"
    assert run(code, str(tmp_path)).stdout.splitlines()[-1] == "None"


def test_it_connects_when_it_is_used(server):
    connection = Server(parse(server.url))
    assert connection.call("", "has_collection", "nothing") is False
    connection.close()
    with pytest.raises(RetrievalError, match="closed"):
        connection.call("", "list_collections")


@pytest.mark.parametrize(("user", "token"), [("root:p%40ss@", "root:p@ss"), ("an-api-key@", "an-api-key"), ("", None)])
def test_the_user_is_told_to_the_server_and_its_refusal_to_ours(user, token):
    """A server that knows nobody."""
    seen = []

    class Refusing(grpc.GenericRpcHandler):
        def service(self, handler_call_details):
            seen.append(dict(handler_call_details.invocation_metadata).get("authorization"))
            return grpc.unary_unary_rpc_method_handler(
                lambda request, context: context.abort(grpc.StatusCode.UNAUTHENTICATED, "who?")
            )

    refusing = grpc.server(ThreadPoolExecutor(1), [Refusing()])
    port = refusing.add_insecure_port("127.0.0.1:0")
    refusing.start()
    connection = Server(parse(f"milvus://{user}127.0.0.1:{port}"), 2)
    with pytest.raises(RetrievalError, match=rf"127\.0\.0\.1:{port} refuses the user; rag\.store takes") as caught:
        connection.call("", "list_collections")
    assert set(seen) == {token and base64.b64encode(token.encode()).decode()}
    assert "p@ss" not in str(caught.value)
    connection.close()
    refusing.stop(0).wait()
