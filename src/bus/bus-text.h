/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text on its way to the bus: valid, safe for terminals, and without file names where everybody listens.
 */
#pragma once

#include <stdbool.h>

#include "src/filesystem/filesystem.h"

typedef enum BusTextForm {
        BUS_TEXT_LINE,
        BUS_TEXT_LINES,         /* line ends belong in it */
} BusTextForm;

/**
 * bus_text_clean() - make sure that a text can be sent
 * @text:      borrowed; NULL counts as ""
 * @ret_clean: new; the text as it is if it is UTF-8 without control characters, else escaped as text_escape()
 *             does; free()
 *
 * Returns: 0 or -ENOMEM.
 */
int bus_text_clean(const char *text, BusTextForm form, char **ret_clean);

/**
 * bus_text_is_public() - may everybody on this machine read it?
 * @filesystem: its mount points and its device may be named; NULL: none
 *
 * False if something in it looks like a path of a file: a slash that begins a word and is not the name of a mount,
 * a device, or a program of ours. Words that only have a slash inside ("Input/output error") are no paths. Errs on the
 * side of false.
 */
bool bus_text_is_public(const char *text, const Filesystem *filesystem);
