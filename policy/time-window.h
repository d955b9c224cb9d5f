/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Windows of time: "Mon..Fri 22:00..06:00". Pure: no clock, the moment and the zone are arguments. The zones
 * themselves are libc's, behind src/basic/zone.h, which says why.
 *
 * A window is open whenever the clock on the wall shows a time that is in it. So an hour that the clock leaves out
 * (summer time begins) opens nothing, and one that it shows twice (summer time ends) is open twice.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/time-reader.h"
#include "src/basic/zone.h"

#define WINDOW_RANGES_MAX 16
#define WINDOW_RANGE_TEXT_SIZE 64
#define WEEK_MINUTES (7u * 24 * 60)
#define WEEK_MINUTE_TEXT_SIZE 16

/* Days on which it begins, and from when to when. */
typedef struct WindowRange {
        uint8_t days;                   /* bit 0: Monday */
        uint16_t from, to;              /* minutes since midnight, below and up to 24:00; @to before @from: of the day
                                         * after */
} WindowRange;

/* Open in any of its ranges. Starts as `TimeWindow window = {};` */
typedef struct TimeWindow {
        size_t n_ranges;
        WindowRange ranges[WINDOW_RANGES_MAX];
} TimeWindow;

/**
 * time_window_add() - one range as people write it
 * @text: DAYS FROM..TO, DAYS (all day long) or FROM..TO (every day). Days as systemd spells them, "Mon", "Mon,Wed",
 *        "Fri..Mon"; times "06:00", the end up to "24:00", and before the beginning it means the day after
 *
 * Returns: 0; -EINVAL with @reterr_fault; -E2BIG beyond WINDOW_RANGES_MAX.
 */
int time_window_add(TimeWindow *window, const char *text, TimeFault *reterr_fault);

/**
 * week_days_read() - the days of the week that a text begins with, as above
 * @ret_length: of what was read; a blank or nothing follows
 *
 * Returns: 0; -EINVAL with @reterr_fault.
 */
int week_days_read(const char *text, uint8_t *ret_days, size_t *ret_length, TimeFault *reterr_fault);

/* The range as one would write it. Returns @buffer. */
char *window_range_text(const WindowRange *range, char buffer[static WINDOW_RANGE_TEXT_SIZE]);

/* Where the clock of a zone (NULL: UTC) stands in its week: minutes since Monday 00:00. */
unsigned zone_week_minute(const Zone *zone, uint64_t realtime_usec);
/* "Sat 03:12" */
char *week_minute_text(unsigned week_minute, char buffer[static WEEK_MINUTE_TEXT_SIZE]);
/* Is the window open while the clock shows this minute? */
bool time_window_has(const TimeWindow *window, unsigned week_minute);

bool time_window_is_open(const TimeWindow *window, const Zone *zone, uint64_t realtime_usec);

/**
 * time_window_next() - when is it open, or closed, for the next time?
 * @is_open: what is waited for
 *
 * Returns: @realtime_usec itself if it is so already, else the beginning of the second at which it will be;
 * USEC_INFINITY if that is never (within five weeks: what begins in an hour that the clock leaves out waits for the
 * next week).
 */
uint64_t time_window_next(const TimeWindow *window, const Zone *zone, uint64_t realtime_usec, bool is_open);
