# SPDX-License-Identifier: GPL-2.0-or-later
"""A part of the damage matrix, healerd alone, with a patrol.  The whole, beside xfsprogs' own program: ./check --matrix."""

import unittest

import matrix
import matrixlib
from matrixlib import HEALED, TOLD

EXPECTED = {
    'AGF: longest free extent': HEALED,
    'AGFL: a block that is in use': HEALED,
    'free space by block: root, idle group': HEALED,
    'inode b-tree: root, idle group': HEALED,
    'reverse map: root, idle group': HEALED,
    'reference counts: root, idle group': HEALED,
    'link count of a file': HEALED,
    'short folder: parent': HEALED,
    'leaf folder: data block': HEALED,
    'two: folder and free space by block': HEALED,
    'two: reverse map and inode b-tree': TOLD,
    'two: folders': TOLD,
    'inode: magic': TOLD,
    'inode: format': TOLD,
    'inode: address of an extent': TOLD,
}


class Matrix(unittest.TestCase):

    def test_part(self):
        rows = [matrixlib.Row(kind, '/var/tmp') for kind in matrix.kinds(*EXPECTED)]
        try:
            for row in rows:
                self.assertTrue(row.seen, f'{row.kind.name}: xfs_repair finds no damage')
            matrixlib.run_batch(rows, matrixlib.Healerd())
            for row in rows:
                print(f'note: {row.kind.name}: {row.outcome} {row.why}')
            for row in rows:
                with self.subTest(row.kind.name):
                    self.assertEqual(row.outcome, EXPECTED[row.kind.name], row.why)
        finally:
            for row in rows:
                row.remove()
