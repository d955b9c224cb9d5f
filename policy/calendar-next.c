/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When next. Days are looked at one by one, which is arithmetic alone; the zone is asked for a time that fits.
 */
#include <stdio.h>

#include "policy/calendar.h"
#include "src/basic/macro.h"

/* 29 February on one day of the week comes back after forty years at the latest, because 2100 has none. */
#define DAYS_LOOKED_AT (41u * 366)
#define DAY_SECONDS (24 * 60 * 60)
#define DAY_MINUTES (24 * 60)

static const char *const day_names[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

static int month_days(int year, int month) {
        static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

        return days[month - 1] + (month == 2 && is_leap);
}

static void day_advance(WallTime *day) {
        day->weekday = (day->weekday + 1) % 7;
        if (day->day++ < month_days(day->year, day->month))
                return;
        day->day = 1;
        if (day->month++ < 12)
                return;
        day->month = 1;
        day->year++;
}

static bool has_bit(uint64_t bits, int number) {
        return bits & (UINT64_C(1) << number);
}

static bool has_year(const Calendar *calendar, int year) {
        for (size_t i = 0; i < calendar->n_years; i++) {
                const CalendarYears *years = calendar->years + i;

                if (year >= years->from && year <= years->to && (year - years->from) % years->step == 0)
                        return true;
        }
        return calendar->n_years == 0;
}

static bool has_day(const Calendar *calendar, const WallTime *day) {
        return has_bit(calendar->week_days, day->weekday) && has_year(calendar, day->year) &&
               has_bit(calendar->months, day->month) &&
               (has_bit(calendar->days, day->day) ||
                has_bit(calendar->last_days, month_days(day->year, day->month) - day->day + 1));
}

/* The first second of the day from @second on; negative: there is none. */
static int next_second(const Calendar *calendar, int second) {
        for (int minute = second / 60; minute < DAY_MINUTES; minute++) {
                if (!has_bit(calendar->hours, minute / 60) || !has_bit(calendar->minutes, minute % 60))
                        continue;
                for (int i = max_of(second - minute * 60, 0); i < 60; i++)
                        if (has_bit(calendar->seconds, i))
                                return minute * 60 + i;
        }
        return -1;
}

/* The moment at which the clock shows this, or has been set over it. Returns 0; negative: never. */
static int moment_of(const Zone *zone, const WallTime *day, int second, int64_t *ret_moment) {
        WallTime wall = *day;

        wall.hour = second / 3600;
        wall.minute = second / 60 % 60;
        wall.second = second % 60;
        if (zone_find_moment(zone, &wall, ret_moment) >= 0)
                return 0;

        /* Clocks are set to a full minute. */
        wall.second = 0;
        for (int n = 0; n < 2 * DAY_MINUTES; n++) {
                if (++wall.minute == 60) {
                        wall.minute = 0;
                        wall.hour++;
                }
                if (wall.hour == 24) {
                        wall.hour = 0;
                        day_advance(&wall);
                }
                if (zone_find_moment(zone, &wall, ret_moment) >= 0)
                        return 0;
        }
        return -1;
}

/* Later times on the clock are never earlier moments, so the first that fits is the first of all. */
static uint64_t next_of(const Calendar *calendar, const Zone *zone, uint64_t realtime_usec) {
        int64_t after = (int64_t) (realtime_usec / USEC_PER_SEC), moment;
        WallTime day;
        int second;

        zone_wall_time(zone, after, &day);
        second = day.hour * 3600 + day.minute * 60 + day.second + 1;
        for (unsigned n = 0; n < DAYS_LOOKED_AT; n++, day_advance(&day), second = 0) {
                if (!has_day(calendar, &day))
                        continue;
                for (; second < DAY_SECONDS && (second = next_second(calendar, second)) >= 0; second++)
                        /* Not after it: the clock was set back, and shows for the second time what it then is. */
                        if (moment_of(zone, &day, second, &moment) >= 0 && moment > after)
                                return (uint64_t) moment * USEC_PER_SEC;
        }
        return USEC_INFINITY;
}

uint64_t calendar_next(const CalendarMoments *moments, const Zone *zone, uint64_t realtime_usec) {
        uint64_t next = USEC_INFINITY;

        for (size_t i = 0; i < moments->n; i++)
                next = min_of(next, next_of(moments->items + i, zone, realtime_usec));
        return next;
}

char *calendar_moment_text(const Zone *zone, uint64_t realtime_usec, char buffer[static CALENDAR_MOMENT_TEXT_SIZE]) {
        WallTime wall;

        if (realtime_usec == USEC_INFINITY) {
                (void) snprintf(buffer, CALENDAR_MOMENT_TEXT_SIZE, "never");
                return buffer;
        }
        zone_wall_time(zone, (int64_t) (realtime_usec / USEC_PER_SEC), &wall);
        (void) snprintf(buffer, CALENDAR_MOMENT_TEXT_SIZE, "%s %04d-%02d-%02d %02d:%02d:%02d",
                        day_names[wall.weekday % 7], wall.year % 10000, wall.month % 100, wall.day % 100,
                        wall.hour % 100, wall.minute % 100, wall.second % 100);
        return buffer;
}
