# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes Debian packages out of what is at hand, because the test machine has no network: an installed package as it
would come from a mirror, with its own scripts, and the next version of one of ours."""

import os
import re
import shutil

from vmlib import run

INFO = '/var/lib/dpkg/info'
SCRIPTS = 'preinst', 'postinst', 'prerm', 'postrm', 'triggers', 'shlibs', 'conffiles'


def field(package, name):
    return run('dpkg-deb', '--field', package, name).strip()


def build(tree, target):
    # Nobody needs it small.
    run('dpkg-deb', '--root-owner-group', '-Znone', '--build', tree, target)
    shutil.rmtree(tree)
    return target


def copy_file(path, tree):
    """One path of a package's list, if it is on this machine (documents are not)."""
    target = tree + path
    if os.path.islink(path):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.symlink(os.readlink(path), target)
    elif os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    elif os.path.exists(path):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(path, target)


def from_installed(name, folder):
    """The package that NAME was installed from."""
    tree = os.path.join(folder, 'tree')
    os.makedirs(os.path.join(tree, 'DEBIAN'))
    for path in run('dpkg-query', '--listfiles', name).splitlines():
        if path != '/.':
            copy_file(path, tree)
    for script in SCRIPTS:
        if os.path.exists(f'{INFO}/{name}.{script}'):
            shutil.copy2(f'{INFO}/{name}.{script}', os.path.join(tree, 'DEBIAN', script))
    control = run('dpkg-query', '--show', '--showformat', 'Package: ${Package}\nVersion: ${Version}\n'
                  'Architecture: ${Architecture}\nMaintainer: ${Maintainer}\nDepends: ${Depends}\n'
                  'Description: ${binary:Synopsis}\n', name)
    with open(os.path.join(tree, 'DEBIAN', 'control'), 'w', encoding='utf-8') as file:
        file.write(control)
    return build(tree, os.path.join(folder, f'{name}.deb'))


def next_version(package, folder):
    """(package, version) of what follows one of ours: the same programs under the next number.  They carry it as text,
    which a number of the same length replaces."""
    tree = os.path.join(folder, 'tree')
    run('dpkg-deb', '--raw-extract', package, tree)
    upstream, revision = field(package, 'Version').rsplit('-', 1)
    head, last = upstream.rsplit('.', 1)
    assert last != '9', 'one digit more would not fit'
    version = f'{head}.{int(last) + 1}'
    n_replaced = 0
    for where, _, names in os.walk(tree):
        for path in (os.path.join(where, name) for name in names):
            if os.path.islink(path) or path.startswith(os.path.join(tree, 'DEBIAN') + '/'):
                continue
            with open(path, 'rb') as file:
                content = file.read()
            if content.startswith(b'\x7fELF') and upstream.encode() in content:
                with open(path, 'wb') as file:
                    file.write(content.replace(upstream.encode(), version.encode()))
                n_replaced += 1
    assert n_replaced > 1, 'no program carries its version'
    control = os.path.join(tree, 'DEBIAN', 'control')
    with open(control, encoding='utf-8') as file:
        text = file.read()
    with open(control, 'w', encoding='utf-8') as file:
        file.write(re.sub(r'(?m)^Version: .*$', f'Version: {version}-{revision}', text))
    return build(tree, os.path.join(folder, 'next.deb')), version
