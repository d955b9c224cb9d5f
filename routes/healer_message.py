# SPDX-License-Identifier: GPL-2.0-or-later
"""What the route units have in common: the message that healerd wrote (healer-route(7)), as text for people, and their
configuration.  Standard library only."""

import configparser
import json
import os
import sys
import urllib.request

SCHEMA = 1
# Longer lists are for programs: the message itself says how many there are.
LINES_MAX = 40
# States of conditions that are no more.
OVER = ('cleared', 'ended')


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """What was meant for one address, a token above all, is not sent to another one."""

    def redirect_request(self, *arguments):
        return None


def opener():
    return urllib.request.build_opener(NoRedirect)


def fail(text):
    """Ends with one line, whatever is in the text."""
    print(' '.join(text.split()), file=sys.stderr)
    sys.exit(1)


def credential(name):
    """Path of what systemd passed on, or None."""
    folder = os.environ.get('CREDENTIALS_DIRECTORY')
    path = os.path.join(folder, name) if folder else name
    return path if os.path.exists(path) else None


def load():
    path = credential('message.json')
    if not path:
        fail('no message.json: this is started by healerd for a route of its policy')
    with open(path, encoding='utf-8') as file:
        message = json.load(file)
    if message.get('schema') != SCHEMA:
        fail(f'message.json has schema {message.get("schema")}, this program reads {SCHEMA}')
    return message


def settings(path, message):
    """Of the section that is called after the route, or [default]; {} without a file."""
    parser = configparser.ConfigParser(default_section='default', interpolation=None)
    try:
        with open(path, encoding='utf-8') as file:
            parser.read_file(file)
    except FileNotFoundError:
        return {}
    except (OSError, configparser.Error) as error:
        fail(f'{path}: {error}')
    route = message.get('route', '')
    return dict(parser[route if parser.has_section(route) else 'default'])


def subject(message):
    state = {'resolved': 'resolved', 'open': message['severity']}.get(message.get('status'), message['severity'])
    return f'{message.get("host", "?")}: {state}: {message.get("summary", message["type"])}'


def _where(filesystem):
    name = filesystem.get('mount') or filesystem.get('device') or filesystem.get('device_number', '?')
    more = [filesystem[key] for key in ('type', 'device', 'uuid') if filesystem.get(key) and filesystem[key] != name]
    return f'{name} ({", ".join(more)})' if more else name


def _cut(lines, omitted):
    rest = len(lines) - LINES_MAX
    if rest > 0:
        lines = lines[:LINES_MAX]
    if rest > 0 or omitted:
        lines.append(f'  and {max(rest, 0) + omitted} more')
    return lines


def _condition(one):
    words = [one.get('filesystem', {}).get('mount'), one.get('target'), one.get('code')]
    return f'  {" ".join(word for word in words if word)}: {one.get("message", "")}'.rstrip(': ')


def text(message):
    """All of it, for people who read mail."""
    lines = [subject(message), '']
    places = {}
    for one in message['events'] + message['conditions']:
        places.setdefault(_where(one.get('filesystem', {})), None)
    if places:
        lines += ['File systems:', *[f'  {place}' for place in places], '']
    if message['events']:
        found = [f'  {one["severity"]}: {one["text"]} (event {one["id"]}, rule {one.get("rule", "-")})'
                 for one in message['events']]
        lines += ['What happened:', *_cut(found, message.get('omitted', 0)), '']
    for states, title in (OVER, 'Over:'), (('raised',), 'New:'), (('open',), 'Open:'):
        found = [_condition(one) for one in message['conditions'] if one['state'] in states]
        if found:
            lines += [title, *_cut(found, 0), '']
    lines.append(f'healerctl status; journalctl XFS_HEALER_EVENT=NUMBER; message {message["id"]} of {message.get("time")}')
    return '\n'.join(lines) + '\n'
