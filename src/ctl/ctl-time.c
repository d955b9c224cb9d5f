/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See ctl-time.h. Pure but for the time zone.
 */
#include <errno.h>
#include <time.h>

#include "src/basic/duration.h"
#include "src/basic/macro.h"
#include "src/basic/number.h"
#include "src/basic/text.h"
#include "src/ctl/ctl-time.h"

static int from_parts(struct tm *parts, uint64_t *ret_usec) {
        time_t seconds;

        parts->tm_isdst = -1;
        seconds = mktime(parts);
        if (seconds < 0)
                return -EINVAL;
        *ret_usec = (uint64_t) seconds * USEC_PER_SEC;
        return 0;
}

static int midnight(uint64_t now_realtime_usec, int days, uint64_t *ret_usec) {
        time_t now = (time_t) (now_realtime_usec / USEC_PER_SEC);
        struct tm parts;

        if (!localtime_r(&now, &parts))
                return -EINVAL;
        parts.tm_hour = parts.tm_min = parts.tm_sec = 0;
        parts.tm_mday += days;
        return from_parts(&parts, ret_usec);
}

int ctl_time_parse(const char *text, uint64_t now_realtime_usec, uint64_t *ret_usec) {
        static const char *const formats[] = { "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d" };
        uint64_t value;

        if (text_equal(text, "today"))
                return midnight(now_realtime_usec, 0, ret_usec);
        if (text_equal(text, "yesterday"))
                return midnight(now_realtime_usec, -1, ret_usec);
        if (text[0] == '@') {
                if (number_parse_u64(text + 1, 0, INT64_MAX / USEC_PER_SEC, &value) < 0)
                        return -EINVAL;
                *ret_usec = value * USEC_PER_SEC;
                return 0;
        }
        if (duration_parse(text, &value) == 0) {
                *ret_usec = value < now_realtime_usec ? now_realtime_usec - value : 0;
                return 0;
        }

        for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
                struct tm parts = {};
                const char *end = strptime(text, formats[i], &parts);

                if (end && *end == '\0')
                        return from_parts(&parts, ret_usec);
        }
        return -EINVAL;
}
