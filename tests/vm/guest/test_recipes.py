# SPDX-License-Identifier: GPL-2.0-or-later
"""Proves on the kernel alone, without healerd, that every recipe makes the damage it names, that ordinary use meets it,
that the kernel reports it, and that online repair mends it."""

import unittest

import recipes
from kernelabi import NOT_CLEAN, Monitor, scrub_event
from vmlib import XfsImage


class RecipesOnTheKernel(unittest.TestCase):

    def prove(self, kind):
        with XfsImage() as fs:
            recipe = kind(fs).break_it()
            with Monitor(fs.path) as monitor:
                self.assertTrue(recipe.trigger(), 'ordinary use noticed nothing')
                event = monitor.wait_for(lambda event: recipe.structure in event.structures)
                print(f'{recipe.name}: kernel reported: {event} (of {monitor.events})')
                self.assertEqual(event.domain, recipe.domain)
                self.assertEqual(event.type, 'sick')
                if recipe.domain == 'ag':
                    self.assertEqual(event.number, recipe.agno)
                else:
                    self.assertEqual(event.ino, recipe.ino)
                checked = scrub_event(fs.path, event)
                print(f'{recipe.name}: check says {checked}')
                self.assertTrue(set.union(*checked.values()) & NOT_CLEAN)
                if recipe.result != 'crash':
                    self.repair(fs, recipe, monitor, event)

    def repair(self, fs, recipe, monitor, event):
        if recipe.result == 'lost':
            with self.assertRaises(FileNotFoundError):
                scrub_event(fs.path, event, repair=True)
        else:
            done = scrub_event(fs.path, event, repair=True)
            print(f'{recipe.name}: repair says {done}')
            self.assertFalse(set.union(*done.values()) & NOT_CLEAN)
            monitor.wait_for(lambda event: event.type == 'healthy' and recipe.structure in event.structures)
            self.assertFalse(set.union(*scrub_event(fs.path, event).values()) & NOT_CLEAN)
        self.assertTrue(recipe.works(), 'the repair did not help')
        self.follow_up(fs, recipe, monitor)
        monitor.read(0.5)
        print(f'{recipe.name}: all events: {monitor.events}')

    def follow_up(self, fs, recipe, monitor):
        """A repair can make the kernel doubt something else, such as the summary counters."""
        monitor.read(0.5)
        others = {event.structures[0]: event for event in monitor.events
                  if event.type == 'sick' and recipe.structure not in event.structures}
        for event in others.values():
            print(f'{recipe.name}: follow-up {event}: repair says {scrub_event(fs.path, event, repair=True)}')


def add_tests():
    for kind in recipes.RECIPES:
        def test(self, kind=kind):
            self.prove(kind)
        setattr(RecipesOnTheKernel, 'test_' + kind.name.replace(' ', '_'), test)


add_tests()
