/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts as the document that event-example.h reads.
 */
#pragma once

#include "src/model/event-facts.h"

/* With its NUL byte. */
#define EXAMPLE_TEXT_SIZE 4096

/**
 * event_example_write() - what a decision looked at
 * @facts: with an event; not those of something that waited (resumed_from), which the reader does not know
 *
 * One line of printable ASCII in braces, which decides as @facts do once it is read back. What is too long, or no text
 * in UTF-8, is left out as a whole: it is unknown then, and named under "left-out".
 *
 * Returns: its length.
 */
size_t event_example_write(const EventFacts *facts, char buffer[static EXAMPLE_TEXT_SIZE]);
