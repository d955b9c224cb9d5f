/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moments of a calendar, as systemd.time(7) writes them: "Sun *-*-1..7 03:00". Pure: no clock, the moment and the zone
 * are arguments. libsystemd keeps its own reader of them to itself.
 *
 * A time that the clock leaves out (summer time begins) is due when the clock has been set over it, so that nothing
 * that is to be done once a month is left out; one that it shows twice is due the first time alone.
 */
#pragma once

#include "policy/time-window.h"

#define CALENDAR_TEXT_SIZE 128
#define CALENDAR_YEARS_MAX 8
#define CALENDAR_MOMENTS_MAX 8

/* From, to, and every how many of them. */
typedef struct CalendarYears {
        uint16_t from, to, step;
} CalendarYears;

typedef struct Calendar {
        uint8_t week_days;              /* bit 0: Monday */
        size_t n_years;                 /* 0: every year */
        CalendarYears years[CALENDAR_YEARS_MAX];
        uint64_t months;                /* bit for each from here on */
        uint64_t days;                  /* of the month, from its first */
        uint64_t last_days;             /* "~": from its last, which is bit 1 */
        uint64_t hours, minutes, seconds;
        char text[CALENDAR_TEXT_SIZE];  /* as it was written */
} Calendar;

/* Any of several. Starts as `CalendarMoments moments = {};` */
typedef struct CalendarMoments {
        size_t n;
        Calendar items[CALENDAR_MOMENTS_MAX];
} CalendarMoments;

/**
 * calendar_add() - one more, as people write it
 * @text: [DAYS] [[YEAR-]MONTH-DAY] [HOUR:MINUTE[:SECOND]], or hourly, daily, weekly, monthly, quarterly, semiannually,
 *        yearly. Each number can be "*", a list ("1,15"), a range ("1..7") or in steps; "MONTH~DAY" counts from the end
 *        of the month. Without a time it is midnight. The zone is the machine's: none can be written
 *
 * Returns: 0; -EINVAL with @reterr_fault; -E2BIG beyond CALENDAR_MOMENTS_MAX.
 */
int calendar_add(CalendarMoments *moments, const char *text, TimeFault *reterr_fault);

/**
 * calendar_next() - the first moment after @realtime_usec
 * @zone: NULL: UTC
 *
 * Returns: microseconds since 1970; USEC_INFINITY if there is none within the next forty years.
 */
uint64_t calendar_next(const CalendarMoments *moments, const Zone *zone, uint64_t realtime_usec);

#define CALENDAR_MOMENT_TEXT_SIZE 32
/* "Sun 2026-12-06 03:00:00" in the zone; "never" for USEC_INFINITY. Returns @buffer. */
char *calendar_moment_text(const Zone *zone, uint64_t realtime_usec, char buffer[static CALENDAR_MOMENT_TEXT_SIZE]);
