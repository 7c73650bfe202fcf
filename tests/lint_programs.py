"""Programs as people write them, with what ``everwarm lint`` must find in each: lines and kinds."""

from __future__ import annotations

from textwrap import dedent
from typing import NamedTuple

LONG = "Answer in the language of the customer, and never promise what is not in the policy. " * 6


class Case(NamedTuple):
    """A program and its findings."""

    name: str
    text: str
    found: tuple[tuple[int, str], ...] = ()  # lines from 1, kinds


def case(name: str, text: str, *found: tuple[int, str]) -> Case:
    return Case(name, dedent(text).lstrip("\n").replace("LONG", LONG), found)


CLOCK, SET, KEYS = "a clock", "a set's order", "keys in any order"

BAD = [
    case(
        "a clock in the system message of the OpenAI SDK",
        """
        from datetime import datetime
        from openai import OpenAI

        client = OpenAI()

        def ask(question):
            return client.chat.completions.create(
                model="gpt-5-mini",
                messages=[
                    {"role": "system", "content": f"Current time: {datetime.now()}. You are a kind assistant."},
                    {"role": "user", "content": question},
                ],
            )
        """,
        (10, CLOCK),
    ),
    case(
        "an Anthropic SDK app with a clock through a local variable",
        """
        import anthropic
        import datetime as dt

        client = anthropic.Anthropic()

        def ask(question):
            now = dt.datetime.now(dt.timezone.utc).isoformat()
            system = "You are a kind assistant.\\n"
            system += f"It is {now}."
            return client.messages.create(
                model="claude-sonnet-5", max_tokens=100, system=system,
                messages=[{"role": "user", "content": question}],
            )
        """,
        (7, CLOCK),
    ),
    case(
        "system blocks of Anthropic",
        """
        import time

        def request(client):
            return client.messages.create(system=[{"type": "text", "text": "At " + time.strftime("%H")}], messages=[])
        """,
        (4, CLOCK),
    ),
    case(
        "a helper two calls away",
        """
        import uuid

        def new_id():
            return str(uuid.uuid4())

        def header(title):
            return "# " + title + " " + new_id()

        def build_system_prompt():
            return "\\n".join([header("Session"), "You are a kind assistant."])
        """,
        (4, "a UUID"),
    ),
    case(
        "an argument that a caller gives",
        """
        from datetime import datetime

        def complete(client, question, preamble):
            return client.responses.create(model="m", instructions=preamble, input=question)

        def main(client):
            complete(client, "Hi", f"Today is {datetime.now():%A %H:%M}")
        """,
        (7, CLOCK),
    ),
    case(
        "an agent of the OpenAI Agents SDK whose instructions are a function",
        """
        from datetime import datetime
        from agents import Agent

        def instructions(context, agent):
            return f"You help {context.context.name}. The time is {datetime.utcnow()}."

        agent = Agent(name="helper", instructions=instructions)
        """,
        (5, CLOCK),
    ),
    case(
        "a method, an attribute and a property of a class",
        """
        import os
        import random

        class Bot:
            def __init__(self):
                self.greeting = random.choice(["Hi", "Hello"])

            @property
            def place(self):
                return f"You work in {os.getcwd()}."

            def ask(self, client, messages):
                return client.messages.create(system=self.greeting + "! " + self.place, messages=messages)
        """,
        (6, "a random value"),
        (10, "a path"),
    ),
    case(
        "a prompt template of LangChain",
        """
        from datetime import datetime
        from langchain_core.prompts import ChatPromptTemplate

        prompt = ChatPromptTemplate.from_messages([
            ("system", "You are a planner. The time is {now}. Be brief."),
            ("human", "{question}"),
        ])

        def ask(llm, question):
            return (prompt | llm).invoke({"now": datetime.now().isoformat(), "question": question})
        """,
        (10, CLOCK),
    ),
    case(
        "partial variables of a template",
        """
        from datetime import date
        from langchain_core.prompts import SystemMessagePromptTemplate

        def today():
            return date.today().isoformat()

        system = SystemMessagePromptTemplate.from_template("Today is {day}.").prompt.partial(day=today)
        """,
        (5, "a date"),
    ),
    case(
        "a message object of LangChain",
        """
        from time import time
        from langchain_core.messages import HumanMessage, SystemMessage

        def messages(text):
            return [SystemMessage(content="Now: %d" % time()), HumanMessage(content=text)]
        """,
        (5, CLOCK),
    ),
    case(
        "str.format on a module's constant",
        """
        import getpass, socket

        SYSTEM = "You help {user} on {host}."

        def body(text):
            filled = SYSTEM.format(user=getpass.getuser(), host=socket.gethostname())
            return {"model": "m", "messages": [{"role": "system", "content": filled}, text]}
        """,
        (6, "a user"),
        (6, "a machine's name"),
    ),
    case(
        "string.Template",
        """
        import secrets
        from string import Template

        def system_prompt():
            return Template("Nonce $nonce. Be kind.").substitute(nonce=secrets.token_hex(8))
        """,
        (5, "a random value"),
    ),
    case(
        "a placeholder that is replaced",
        """
        from datetime import datetime

        PROMPT = "You are kind. <<NOW>> Be brief."
        system_prompt = PROMPT.replace("<<NOW>>", str(datetime.now().time()))
        """,
        (4, CLOCK),
    ),
    case(
        "the state of git",
        """
        import subprocess

        def git(*words):
            return subprocess.check_output(["git", *words], text=True)

        def make_system_prompt():
            return f"You are a coding agent.\\n{git('status', '--short')}"
        """,
        (4, "git state"),
    ),
    case(
        "a set of tools",
        """
        def ask(client, names, messages):
            tools = [{"type": "function", "function": {"name": n}} for n in set(names)]
            return client.chat.completions.create(model="m", messages=messages, tools=tools)
        """,
        (2, SET),
    ),
    case(
        "a list of a set of names",
        """
        ALLOWED = {"refund", "lookup", "cancel"}

        def body(messages):
            schema = {"type": "string", "enum": list(ALLOWED)}
            tool = {"name": "act", "input_schema": {"type": "object", "properties": {"what": schema}}}
            return dict(model="m", messages=messages, tools=[tool])
        """,
        (1, SET),
    ),
    case(
        "a set in a sentence, over a loop",
        """
        def instructions_text(a, b):
            lines = []
            for name in a.keys() & b.keys():
                lines.append(f"- {name}")
            return "\\n".join(lines)

        def body(a, b):
            return {"model": "m", "input": "Hi", "instructions": instructions_text(a, b)}
        """,
        (3, SET),
    ),
    case(
        "json.dumps of what somebody gives",
        """
        import json

        def run(client, profile, question, **extra):
            client.responses.create(model="m", instructions="Profile: " + json.dumps(profile), input=question)
            client.responses.create(model="m", instructions="Extra: " + json.dumps(extra), input=question)
        """,
        (4, KEYS),
        (5, KEYS),
    ),
    case(
        "an id before much text",
        """
        def system_prompt(user_id, policy):
            return f"User {user_id}. LONG"
        """,
        (2, "an id"),
    ),
    case(
        "a clock before much text in a user message",
        """
        from datetime import datetime

        def turn(text):
            return {"role": "user", "content": f"[{datetime.now()}] LONG {text}"}
        """,
        (4, CLOCK),
    ),
    case(
        "one of two ways",
        """
        from datetime import datetime

        def body(short):
            if short:
                system = "Be brief."
            else:
                system = f"Be kind. It is {datetime.now()}."
            return {"model": "m", "max_tokens": 5, "system": system}
        """,
        (7, CLOCK),
    ),
    case(
        "words that depend on the hour",
        """
        from datetime import datetime

        system_prompt = "Say good " + ("morning" if datetime.now().hour < 12 else "day")
        """,
        (3, CLOCK),
    ),
    case(
        "an environment variable within a text",
        """
        import os

        SYSTEM_PROMPT = f"You work in region {os.environ['REGION']}, shard {os.getenv('SHARD', '0')}. Be kind."
        """,
        (3, "an environment variable"),
        (3, "an environment variable"),
    ),
    case(
        "numbers of a process",
        """
        system_prompt = f"Object {id(object())}, {hash('x')}."
        """,
        (1, "a number of this process"),
        (1, "a number of this process"),
    ),
    case(
        "our own builder",
        """
        from datetime import datetime
        from everwarm import Prompt

        prompt = Prompt().static(f"It is {datetime.now()}.").session("Ada").dynamic("x", name="n")
        """,
        (4, CLOCK),
    ),
    case(
        "a system prompt of Pydantic AI, made by a decorated function",
        """
        from datetime import date
        from pydantic_ai import Agent

        agent = Agent("openai:gpt-5-mini")

        @agent.system_prompt
        async def add_the_date() -> str:
            return f"The date is {date.today()}."
        """,
        (8, "a date"),
    ),
    case(
        "defaults, keywords and stars",
        """
        import time

        def head(*, at=time.time()):
            return f"At {at}"

        def tail(text, mark=str(time.time_ns())):
            return text + mark

        PARTS = ["x"]
        system_prompt = head() + tail(*PARTS)
        """,
        (3, CLOCK),
        (6, CLOCK),
    ),
    case(
        "static methods, called by the class, and constructors",
        """
        import time

        class Texts:
            def __init__(self, clock):
                self.clock = clock

            @staticmethod
            def head(at):
                return f"At {at}. "

            def whole(self):
                return Texts.head(self.clock) + "Be kind."

        texts = Texts(time.time())
        body = {"model": "m", "messages": [{"role": "developer", "content": texts.whole()}]}
        """,
        (14, CLOCK),
    ),
    case(
        "places by name, with per cent",
        """
        import time
        SYSTEM_PROMPT = "It is %(now)s in %(place)s." % {"now": time.time(), "place": "Rome"}
        """,
        (2, CLOCK),
    ),
    case(
        "format_map",
        """
        import time
        SYSTEM_PROMPT = "It is {now}.".format_map({"now": time.time()})
        OTHER_SYSTEM_PROMPT = "It is {0}, {} and {x}.".format(time.ctime(), x=1)
        """,
        (2, CLOCK),
        (3, CLOCK),
    ),
    case(
        "one of a table of texts",
        """
        import uuid

        TEXTS = {"a": f"Be kind. {uuid.uuid4()}", "b": f"Be brief. {uuid.uuid1()}", "c": "Be short."}
        system_prompt = TEXTS["a"]
        second_system_prompt = TEXTS.get("b", "")
        third_system_prompt = TEXTS["c"]
        """,
        (3, "a UUID"),
        (3, "a UUID"),
    ),
    case(
        "dates in all forms",
        """
        from datetime import datetime
        import time

        now = datetime.now()
        system_prompts = 0
        SYSTEM_PROMPT_1 = now.strftime("%Y-%m-%d")
        SYSTEM_PROMPT_2 = f"{datetime.now():%d.%m.%Y}"
        SYSTEM_PROMPT_3 = f"{datetime.now().year}"
        SYSTEM_PROMPT_4 = f"{datetime.now().date()}"
        SYSTEM_PROMPT_5 = f"{datetime.now():%d. %H}"
        """,
        (4, "a date"),
        (7, "a date"),
        (8, "a date"),
        (9, "a date"),
        (10, CLOCK),
    ),
    case(
        "several names at once",
        """
        import time
        clock, place = time.time(), "Rome"
        system_prompt = f"In {place} it is {clock}"
        """,
        (2, CLOCK),
    ),
    case(
        "sets put together",
        """
        def system_prompt(more):
            return "Tools: " + ", ".join({"a", "b"}.union(more)) + " ".join({x for x in more})
        """,
        (2, SET),
        (2, SET),
    ),
    case(
        "a set over which a dict is made",
        """
        def ask(client, names, messages):
            tools = list({n: {"name": n} for n in frozenset(names)}.values())
            client.chat.completions.create(model="m", messages=messages, tools=tools)
        """,
        (2, SET),
    ),
    case(
        "asynchronous, in one expression, and otherwise",
        """
        import os, time

        async def now():
            return time.time()

        async def ask(client, text, config):
            body = {"model": "m", "messages": [{"role": "user", "content": text}]}
            body["system"] = f"It is {(at := await now())}. {at} "
            body["system"] += (lambda: str(-time.perf_counter()))() or "nothing"
            return await client.send(body)

        system_message = ChatMessage(role="system", content=os.environ["HOME"].strip() + " is home")
        """,
        (4, CLOCK),
        (12, "an environment variable"),
    ),
    case(
        "letters beyond ASCII before it",
        """
        from datetime import datetime
        system_prompt = f"あなたは親切です。今は{datetime.now()}です。"
        """,
        (2, CLOCK),
    ),
]

GOOD = [
    case(
        "clocks in logs, user turns, tool results and file names",
        """
        import json, logging, time
        from datetime import datetime

        SYSTEM_PROMPT = "You are a kind assistant."

        def ask(client, question):
            started = time.time()
            logging.info("asked at %s", datetime.now())
            answer = client.messages.create(
                system=SYSTEM_PROMPT,
                messages=[
                    {"role": "user", "content": f"{question}\\n\\nIt is {datetime.now()}."},
                    {"role": "tool", "content": json.dumps({"time": time.time()})},
                ],
                metadata={"user_id": str(time.time())},
            )
            print("took", time.time() - started)
            open(f"log-{datetime.now()}.txt", "w").write(str(answer))
            return answer
        """,
    ),
    case(
        "sorted sets, and sets that are only asked",
        """
        ALLOWED = {"refund", "lookup"}
        NAMES = sorted(ALLOWED | {"cancel"})

        def ask(client, wanted, messages):
            tools = [{"name": n} for n in sorted(set(wanted))]
            tools += [tool for tool in EXTRA if tool["name"] in ALLOWED]
            system = f"You may use {len(ALLOWED)} tools: {', '.join(NAMES)}."
            return client.messages.create(system=system, tools=tools, messages=messages)

        EXTRA = [{"name": "refund"}]
        """,
    ),
    case(
        "JSON with sorted keys, of what is written out, or a schema",
        """
        import json
        from pydantic import BaseModel
        from settings import RULES

        class Answer(BaseModel):
            text: str

        def instructions(profile):
            parts = [json.dumps(profile, sort_keys=True), json.dumps({"a": 1}), json.dumps(RULES)]
            parts.append(json.dumps(Answer.model_json_schema()))
            return "\\n".join(parts)

        def ask(client, profile):
            return client.responses.create(model="m", instructions=instructions(profile), input="Hi")
        """,
    ),
    case(
        "a tool that tells the time",
        """
        from datetime import datetime
        from agents import Agent, function_tool

        @function_tool
        def now() -> str:
            return datetime.now().isoformat()

        agent = Agent(name="clock", instructions="Tell the time with the tool.", tools=[now])
        """,
    ),
    case(
        "seeded chance and named UUIDs",
        """
        import random, uuid

        rng = random.Random(7)
        system_prompt = f"Space {uuid.uuid5(uuid.NAMESPACE_DNS, 'x')}, number {rng.randint(1, 6)}."
        """,
    ),
    case(
        "a prompt from the configuration",
        """
        import os

        def ask(client):
            return client.messages.create(model=os.environ["MODEL"], system=os.environ.get("SYSTEM_PROMPT", "Be kind."))
        """,
    ),
    case(
        "a file that is found by the working directory",
        """
        import os
        from pathlib import Path

        SYSTEM_PROMPT = open(os.path.join(os.getcwd(), "prompt.txt")).read()
        OTHER_SYSTEM_PROMPT = Path(os.environ["PROMPTS"], "x.md").read_text()
        """,
    ),
    case(
        "our own builder, with what changes where it belongs",
        """
        from datetime import datetime
        from everwarm import Prompt

        prompt = Prompt().static("Be kind.").session("Ada").dynamic(f"It is {datetime.now()}.", name="clock")
        """,
    ),
    case(
        "an id with little behind it",
        """
        def system_prompt(user_id):
            return f"LONG You talk to {user_id}."
        """,
    ),
    case(
        "another system",
        """
        import platform, time
        from datetime import datetime

        def report():
            return {"system": platform.system(), "time": datetime.now(), "role": "system"}

        class Clock:
            system = "UTC"

            def format(self):
                return str(datetime.now())

        SYSTEM_PROMPT = "It is {}.".format("time")
        """,
    ),
    case(
        "names that stand for others",
        """
        from helpers import now, build

        def time():
            return "noon"

        SYSTEM_PROMPT = "It is always " + time()
        SYSTEM_PROMPT_2 = SYSTEM_PROMPT + build(SYSTEM_PROMPT)
        """,
    ),
    case(
        "circles and depths",
        """
        def system_prompt(n):
            text = system_prompt(n - 1) if n else "Be kind."
            text = text + text
            return text + other_prompt()

        def other_prompt():
            return system_prompt(3)
        """,
    ),
    case(
        "times that are given, and chance that is set",
        """
        import json, random, time

        random.seed(3)
        RULES = {"a": 1}
        SYSTEM_PROMPT_1 = time.strftime("%Y", (2026, 1, 1)) + time.ctime(0) + str(random.seed(1))
        SYSTEM_PROMPT_2 = json.dumps(dict(a=1)) + json.dumps([{**RULES, "b": (1, 2)}]) + json.dumps("x")
        SYSTEM_PROMPT_3 = str(list({1, 2, 3})) + str(list({"only"})) + "{}".format()
        """,
    ),
    case(
        "what was replaced before it was used, and what was sorted late",
        """
        import time

        def system_prompt(debug, names):
            text = "x"
            if debug:
                text = f"At {time.time()}"
            text = "Be kind to "
            return text + ", ".join(sorted([name.title() for name in set(names)]))
        """,
    ),
    case(
        "a set that is handed on, to be asked",
        """
        KNOWN = {"a", "b"}

        def system_prompt(render):
            return render("template", allowed=KNOWN) + ("x" if "a" in KNOWN else "y")
        """,
    ),
    case("nothing at all", ""),
]
