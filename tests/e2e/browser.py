#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Opens pages in headless Chromium and does what a user would, over the browser's debugging pipe.

Reads lines from stdin: `open PAGE` loads one, in a light window of 1400 x 1000; `done` prints "done" and how many errors there were since then;
`eval JAVASCRIPT` prints the value as JSON, `key NAME`, `type TEXT`, `click X Y`, `drag X1 Y1 X2 Y2` and
`move X Y` are input, `size WIDTH HEIGHT` the window, `dark` and `light` the colours, `shot FILE` a picture, `controls` prints role and
name of all that can have the focus, as JSON. What a page says on its
console, and errors, go to stderr.
"""
import base64
import json
import os
import shlex
import subprocess
import sys
import tempfile

KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}


class Browser:
    def __init__(self, program):
        to_read, self.to_browser = os.pipe()
        self.from_browser, to_write = os.pipe()
        # Processes of the browser may write there while it is removed.
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)

        def take_pipes():
            # The browser reads commands from 3 and answers on 4.
            high_read, high_write = os.dup(to_read), os.dup(to_write)
            while min(high_read, high_write) < 5:
                high_read, high_write = os.dup(high_read), os.dup(high_write)
            os.dup2(high_read, 3)
            os.dup2(high_write, 4)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
             "--disable-dev-shm-usage", "--remote-debugging-pipe", "--user-data-dir=" + self.profile.name, "about:blank"],
            preexec_fn=take_pipes, close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.buffer = b""
        self.number = 0
        self.session = None
        self.n_errors = 0
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Runtime.enable")

    def open(self, path):
        self.size(1400, 1000)
        self.colours("light")
        self.n_errors = 0
        # Not from page to page: two that differ in what is behind the # only are one.
        for url in ("about:blank", "file://" + os.path.abspath(path)):
            self.is_loaded = False
            self.call("Page.navigate", url=url)
            while not self.is_loaded:
                self.receive()

    def receive(self):
        while b"\0" not in self.buffer:
            some = os.read(self.from_browser, 1 << 20)
            if not some:
                sys.exit("the browser ended")
            self.buffer += some
        text, self.buffer = self.buffer.split(b"\0", 1)
        message = json.loads(text)
        method = message.get("method")
        if method == "Page.loadEventFired":
            self.is_loaded = True
        elif method == "Runtime.exceptionThrown":
            self.n_errors += 1
            print("exception:", json.dumps(message["params"]["exceptionDetails"])[:600], file=sys.stderr)
        elif method == "Runtime.consoleAPICalled":
            self.n_errors += message["params"]["type"] == "error"
            print("console:", json.dumps(message["params"]["args"])[:600], file=sys.stderr)
        return message

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']}")
                return answer["result"]

    def size(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def colours(self, name):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def controls(self):
        """What a screen reader is told."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [[node["role"]["value"], node.get("name", {}).get("value", "")] for node in nodes
                if not node["ignored"] and node["role"]["value"] != "RootWebArea"
                and any(p["name"] == "focusable" and p["value"]["value"] for p in node.get("properties", []))]

    def mouse(self, kind, x, y, n_buttons):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left" if n_buttons else "none",
                  buttons=n_buttons, clickCount=n_buttons)

    def run(self, line):
        word, _, rest = line.partition(" ")
        if word == "open":
            self.open(rest)
        elif word == "done":
            print("done", self.n_errors, flush=True)
        elif word == "eval":
            result = self.call("Runtime.evaluate", expression=rest, returnByValue=True, awaitPromise=True)
            if "exceptionDetails" in result:
                self.n_errors += 1
                print("exception:", json.dumps(result["exceptionDetails"])[:600], file=sys.stderr)
            print(json.dumps(result["result"].get("value")), flush=True)
        elif word == "key":
            text = {"Enter": "\r"}.get(rest, rest if len(rest) == 1 else "")
            for kind in ("keyDown", "keyUp"):
                self.call("Input.dispatchKeyEvent", type=kind, key=rest, text=text if kind == "keyDown" else "",
                          windowsVirtualKeyCode=KEYS.get(rest, 0))
        elif word == "type":
            self.call("Input.insertText", text=rest)
        elif word in ("click", "drag", "move"):
            at = [float(v) for v in shlex.split(rest)]
            self.mouse("mouseMoved", at[0], at[1], 0)
            if word != "move":
                self.mouse("mousePressed", at[0], at[1], 1)
            if word == "drag":
                self.mouse("mouseMoved", at[2], at[3], 1)
            if word != "move":
                self.mouse("mouseReleased", at[-2], at[-1], 1)
        elif word == "size":
            self.size(*[int(v) for v in rest.split()])
        elif word in ("dark", "light"):
            self.colours(word)
        elif word == "controls":
            print(json.dumps(self.controls()), flush=True)
        elif word == "shot":
            picture = self.call("Page.captureScreenshot", format="png")["data"]
            with open(rest, "wb") as file:
                file.write(base64.b64decode(picture))
        elif word:
            sys.exit(f"no such command: {word}")


def main():
    browser = Browser(os.environ.get("CHROMIUM", "chromium"))
    try:
        for line in sys.stdin:
            browser.run(line.strip())
    finally:
        browser.process.terminate()
        browser.process.wait()


main()
