/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "1 BOOT-ID BOOTTIME REALTIME LEVEL REST AGE:WEIGHT:DISTINCT...": times in milliseconds.
 */
#include "policy/memory-row.h"
#include "policy/rule-timing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/macro.h"
#include "src/basic/text.h"

/* Raised when old lines would be misread. */
#define ROW_VERSION 1
/* " AGE:WEIGHT:DISTINCT" at its longest. */
#define MARK_TEXT_SIZE 48

static int64_t to_msec(int64_t usec) {
        return usec / (int64_t) USEC_PER_MSEC;
}

static int64_t to_usec(int64_t msec) {
        return msec * (int64_t) USEC_PER_MSEC;
}

char *memory_row_format(const MemoryEntry *entry, const MemoryMoment *now, char buffer[static MEMORY_ROW_SIZE]) {
        int64_t rest = entry->until_usec - now->boottime_usec;
        size_t first = 0, room;
        int n;

        n = snprintf(buffer, MEMORY_ROW_SIZE, "%d %s %" PRId64 " %" PRId64 " %" PRIu32 " %" PRId64, ROW_VERSION,
                     now->boot_id, to_msec(now->boottime_usec), to_msec(now->realtime_usec), entry->level,
                     rest > 0 ? to_msec(rest) : 0);
        room = (MEMORY_ROW_SIZE - (size_t) n - 1) / MARK_TEXT_SIZE;
        if (entry->n_marks > room)
                first = entry->n_marks - room;

        for (size_t i = first; i < entry->n_marks; i++) {
                const MemoryMark *mark = entry->marks + i;

                (void) text_append_format(buffer, MEMORY_ROW_SIZE, " %" PRId64 ":%" PRIu32 ":%" PRIx32,
                                          to_msec(now->boottime_usec - mark->time_usec), mark->weight, mark->distinct);
        }
        return buffer;
}

int64_t memory_moment_age(const MemoryMoment *written, const MemoryMoment *now) {
        int64_t age = strcmp(written->boot_id, now->boot_id) == 0 ? now->boottime_usec - written->boottime_usec
                                                                  : now->realtime_usec - written->realtime_usec;

        return max_of(age, (int64_t) 0);
}

/* What no window can reach any more is left out. */
static int parse_marks(const char *text, int64_t written_usec, int64_t now_usec, MemoryEntry *entry) {
        int64_t age;
        int length;
        int r;

        for (MemoryMark mark; *text != '\0'; text += length) {
                if (sscanf(text, " %" SCNd64 ":%" SCNu32 ":%" SCNx32 "%n", &age, &mark.weight, &mark.distinct,
                           &length) != 3 || age < 0 || age > INT64_MAX / (int64_t) USEC_PER_MSEC / 4)
                        return -EINVAL;
                mark.time_usec = written_usec - to_usec(age);
                if (now_usec - mark.time_usec > (int64_t) TIMING_MAX_USEC)
                        continue;
                r = memory_entry_mark(entry, mark, INT64_MIN);
                if (r < 0)
                        return r;
        }
        return 0;
}

int memory_row_parse(const char *text, const MemoryMoment *now, MemoryEntry *entry) {
        MemoryMoment written = {};
        MemoryEntry parsed = {};
        int64_t boottime, realtime, rest, written_usec;
        int version, length = 0;
        int r;

        if (sscanf(text, "%d %36s %" SCNd64 " %" SCNd64 " %" SCNu32 " %" SCNd64 "%n", &version, written.boot_id,
                   &boottime, &realtime, &parsed.level, &rest, &length) != 6 || version != ROW_VERSION)
                return -EINVAL;
        if (boottime < 0 || realtime < 0 || rest < 0 || boottime > INT64_MAX / 4000 || realtime > INT64_MAX / 4000 ||
            rest > INT64_MAX / 4000)
                return -EINVAL;

        written.boottime_usec = to_usec(boottime);
        written.realtime_usec = to_usec(realtime);
        /* Where the clock of now would have stood. */
        written_usec = now->boottime_usec - memory_moment_age(&written, now);
        r = parse_marks(text + length, written_usec, now->boottime_usec, &parsed);
        if (r < 0) {
                free(parsed.marks);
                return r;
        }

        free(entry->marks);
        entry->marks = parsed.marks;
        entry->n_marks = parsed.n_marks;
        entry->n_allocated = parsed.n_allocated;
        entry->level = parsed.level;
        entry->until_usec = rest > 0 ? written_usec + to_usec(rest) : 0;
        entry->n_active = 0;
        return 0;
}
