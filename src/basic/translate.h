/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Texts for people, in their language (gettext). Only what a person reads is marked: words of the interfaces (kinds,
 * states, outcomes, keys of JSON) are the same everywhere.
 *
 * A file that marks texts stands in po/POTFILES; tests/sync/check-translation asks for it.
 */
#pragma once

#ifdef ENABLE_NLS
#include <libintl.h>
/* The text in the language of the process, or as it is. */
#define _(text) gettext(text)
#else
#define _(text) (text)
#define ngettext(one, many, n) ((n) == 1 ? (one) : (many))
#endif

/* The name of our catalogues, and what polkit is told to look a message up in. */
#define TRANSLATE_DOMAIN "healerd"

/* Marks a text that somebody else looks up: polkit, or a later line of our own. */
#define N_(text) text

/* Takes language and encoding from the environment, and finds our catalogues. Once, before any thread and text. */
void translate_begin(void);
