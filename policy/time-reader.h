/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What reading a text about times has in common: windows of the week, calendar expressions.
 */
#pragma once

#include <stddef.h>

#include "src/basic/macro.h"

#define TIME_FAULT_SIZE 240
/* Of what is quoted in a fault. */
#define TIME_WORD_SIZE 32

typedef struct TimeFault {
        size_t offset;                  /* in the text, of what is wrong */
        char text[TIME_FAULT_SIZE];   /* "what: what to write instead" */
} TimeFault;

typedef struct TimeReader {
        const char *text;
        const char *next;               /* what is to be read */
        TimeFault *fault;
} TimeReader;

/* Says that what stands at @at, in @reader->text, is wrong. Returns -EINVAL. */
int time_fault(TimeReader *reader, const char *at, const char *format, ...) _printf_(3, 4);

/* The word up to any of @ends, for a fault. Returns @buffer. */
const char *time_word_at(const char *text, const char *ends, char buffer[static TIME_WORD_SIZE]);
