"""Uses an installed aigw as a newcomer would: serves, asks, stops. Standard library only."""

import json
import signal
import subprocess
import sys
import urllib.request

aigw = sys.argv[1]
subprocess.run([aigw, "--version"], check=True)
subprocess.run([aigw, "init"], check=True)
subprocess.run([aigw, "config", "check"], check=True)
recipes = subprocess.run([aigw, "recipes", "--json"], check=True, capture_output=True).stdout
assert "ai-proxy" in [recipe["name"] for recipe in json.loads(recipes)], recipes

process = subprocess.Popen([aigw, "serve", "--listen", "127.0.0.1:0", "--json"], stdout=subprocess.PIPE, text=True)
try:
    url = json.loads(process.stdout.readline())["url"]
    body = json.dumps({"model": "echo", "messages": [{"role": "user", "content": "Hello!"}]}).encode()
    request = urllib.request.Request(f"{url}/v1/chat/completions", body, {"content-type": "application/json"})
    answer = json.load(urllib.request.urlopen(request, timeout=30))
    assert answer["choices"][0]["message"]["content"] == "Hello!", answer
finally:
    process.send_signal(signal.SIGINT)
assert process.wait(30) == 0
print("the installed aigw answers and stops cleanly")
