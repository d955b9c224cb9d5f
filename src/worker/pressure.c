/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * /proc/pressure/io
 */

#include "src/worker/pressure.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/text.h"

#define PRESSURE_LIMIT_BYTES 4096

double pressure_parse(const char *text) {
        static const char begin[] = "some avg10=";
        double percent;
        char *end;

        if (!text_starts_with(text, begin))
                return 0;
        percent = strtod(text + strlen(begin), &end);
        return *end == ' ' && percent >= 0 ? percent : 0;
}

bool pressure_is_high(void) {
        _cleanup_(free_at) char *text = NULL;
        size_t length;

        return file_read(AT_FDCWD, "/proc/pressure/io", PRESSURE_LIMIT_BYTES, &text, &length) >= 0 &&
               pressure_parse(text) > PRESSURE_HIGH_PERCENT;
}
