# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares dbus/ with what the code says about itself (standard input: dump-introspection). Run by tests/sync/bus-xml."""

import re
import sys
import xml.etree.ElementTree as ET
from configparser import ConfigParser
from pathlib import Path

CHANGED = "org.freedesktop.DBus.Property.EmitsChangedSignal"
OWNER = "org.freedesktop.policykit.owner"
STANDARD = {
    "org.freedesktop.DBus." + name for name in ("Properties", "ObjectManager", "Introspectable", "Peer")
}

top = Path(sys.argv[1])
problems = []


def same(what, written, real):
    """Two sets or dictionaries: every difference is one problem."""
    for name in sorted(set(written) - set(real), key=str):
        problems.append(f"{what}: {name} is written down and does not exist")
    for name in sorted(set(real) - set(written), key=str):
        problems.append(f"{what}: {name} exists and is not written down")
    if isinstance(written, dict):
        for name in sorted(set(written) & set(real), key=str):
            if written[name] != real[name]:
                problems.append(f"{what}: {name} is written down as {written[name]} and is {real[name]}")


def arguments(member):
    return [(a.get("name"), a.get("type"), a.get("direction", "in" if member.tag == "method" else "out"))
            for a in member.findall("arg")]


def members(node):
    """(interface, kind, name) -> everything a client relies on."""
    found = {}
    for interface in node.findall("interface"):
        for member in interface:
            if member.tag == "annotation":
                continue
            key = (interface.get("name"), member.tag, member.get("name"))
            notes = {a.get("name"): a.get("value") for a in member.findall("annotation")}
            if member.tag == "property":
                found[key] = (member.get("type"), member.get("access"), notes.get(CHANGED, "true"))
            else:
                found[key] = (arguments(member), notes)
    return found


def read_dump():
    real, guards = {}, []
    for part in sys.stdin.read().split("#### ")[1:]:
        name, _, body = part.partition("\n")
        if name == "guards":
            guards = [line.split() for line in body.splitlines()]
            continue
        ours = {key: value for key, value in members(ET.fromstring(body[body.index("<node"):])).items()
                if key[0].startswith("org.xfs.")}
        if not ours:
            problems.append(f"{name}: has no interface of ours")
        real.update(ours)
    return real, guards


def names(prefix):
    header = (top / "src/bus/bus-names.h").read_text()
    return dict(re.findall(rf'^#define ({prefix}\w*)\s+"([^"]+)"', header, re.M))


def check_interface(real, guards):
    path = top / "dbus/org.xfs.Healer.xml"
    written = members(ET.parse(path).getroot())
    same("interface", written, real)
    same("interfaces in bus-names.h", {key[0] for key in written}, set(names("BUS_INTERFACE_").values()))
    same("table of permissions", {(key[0], key[2]) for key in written if key[1] == "method"},
         {(guard[0], guard[1]) for guard in guards})
    errors = set(re.findall(r"org\.xfs\.Healer\.Error\.\w+", path.read_text()))
    same("errors", errors, set(names("BUS_ERROR_").values()))
    return {key[0] for key in written}


def check_polkit(guards):
    root = ET.parse(top / "dbus/org.xfs.healer.policy").getroot()
    actions = {action.get("id"): action for action in root.findall("action")}
    same("polkit actions and bus-names.h", set(actions), set(names("POLKIT_ACTION_").values()))
    same("polkit actions and table", set(actions), {guard[3] for guard in guards if guard[3] != "open"})

    destructive = {guard[3] for guard in guards if guard[4] == "destructive"}
    for name, action in actions.items():
        answers = {tag: action.findtext(f"defaults/allow_{tag}") for tag in ("any", "inactive", "active")}
        for tag, answer in answers.items():
            if answer not in ("no", "auth_admin", "auth_admin_keep"):
                problems.append(f"{name}: allow_{tag} is {answer}: an administrator has to say so")
            if name in destructive and answer == "auth_admin_keep":
                problems.append(f"{name}: allow_{tag} keeps the answer, for the next destructive call as well")
        notes = {note.get("key"): note.text for note in action.findall("annotate")}
        if notes.get(OWNER) != "unix-user:healerd":
            problems.append(f"{name}: has no owner annotation, so polkit would not answer the daemon")
        if not action.findtext("description") or not action.findtext("message"):
            problems.append(f"{name}: says nothing to people")


def check_configuration(interfaces):
    root = ET.parse(top / "dbus/org.xfs.Healer.conf").getroot()
    bus_name = names("BUS_NAME")["BUS_NAME"]
    owners, callable_interfaces = set(), set()
    for policy in root.findall("policy"):
        for rule in policy.findall("allow"):
            if rule.get("own"):
                owners.add((policy.get("user"), rule.get("own")))
            elif policy.get("context") == "default" and rule.get("send_destination") == bus_name:
                callable_interfaces.add(rule.get("send_interface"))
    same("owners in the bus configuration", {("root", bus_name), ("healerd", bus_name)}, owners)
    same("interfaces in the bus configuration", interfaces | STANDARD, callable_interfaces)

    service = ConfigParser()
    service.optionxform = str
    service.read(top / "dbus/org.xfs.Healer.service")
    same("activation", {"Name": bus_name, "Exec": "/bin/false", "User": "root", "SystemdService": "healerd.service"},
         dict(service["D-BUS Service"]))


real_members, table = read_dump()
check_polkit(table)
check_configuration(check_interface(real_members, table))

for problem in problems:
    print(problem)
print(f"{len(real_members)} members, {len(table)} rows of permissions, {len(problems)} problems")
sys.exit(1 if problems else 0)
