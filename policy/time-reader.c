/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/time-reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int time_fault(TimeReader *reader, const char *at, const char *format, ...) {
        va_list arguments;

        reader->fault->offset = (size_t) (at - reader->text);
        va_start(arguments, format);
        (void) vsnprintf(reader->fault->text, sizeof(reader->fault->text), format, arguments);
        va_end(arguments);
        return -EINVAL;
}

const char *time_word_at(const char *text, const char *ends, char buffer[static TIME_WORD_SIZE]) {
        (void) snprintf(buffer, TIME_WORD_SIZE, "%.*s", (int) min_of(strcspn(text, ends), (size_t) TIME_WORD_SIZE - 1),
                        text);
        return buffer;
}
