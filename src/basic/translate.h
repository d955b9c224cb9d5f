/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Texts for people, in their language (gettext). Only what a person reads is marked: words of the interfaces (kinds,
 * states, outcomes, keys of JSON) are the same everywhere.
 *
 * A file that marks texts stands in po/POTFILES; tests/sync/check-translation asks for it.
 */
#pragma once

/* The name of our catalogues, and what polkit is told to look a message up in. */
#define TRANSLATE_DOMAIN "healerd"

/* Marks a text that somebody else looks up: polkit, or a later line of our own. */
#define N_(text) text
