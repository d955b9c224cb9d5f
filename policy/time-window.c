/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading windows, and asking them.
 */
#include "policy/time-window.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "policy/policy-vocabulary.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

#define DAY_MINUTES (24u * 60)
#define WEEK_DAYS 7u
#define ALL_DAYS ((1u << WEEK_DAYS) - 1)
#define DAY_SIZE 3u
#define DOTS ".."

/* The clock is never set twice within this. */
#define STEP_SEC (INT64_C(6) * 60 * 60)
/* A window that lies in the hour that is left out once a year is there a week later. */
#define SEARCH_SEC (INT64_C(35) * 24 * 60 * 60)

static const char *const day_names[WEEK_DAYS] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

/* Reading */

/* The day that was meant: "Monday", "mon", "Mno". NULL: none. */
static const char *day_nearest(const char *word) {
        for (unsigned i = 0; i < WEEK_DAYS; i++)
                if (strncasecmp(word, day_names[i], DAY_SIZE) == 0)
                        return day_names[i];

        return word_nearest(word, day_names, WEEK_DAYS);
}

static int read_day(TimeReader *reader, unsigned *ret_day) {
        const char *at = reader->next, *nearest;
        char word[TIME_WORD_SIZE];
        size_t length;

        time_word_at(at, ",.- ", word);
        length = strlen(word);
        for (unsigned i = 0; i < WEEK_DAYS; i++)
                if (text_equal(word, day_names[i])) {
                        reader->next += length;
                        *ret_day = i;
                        return 0;
                }

        if (length == 0)
                return time_fault(reader, at, "a day is missing: write Mon, Tue, Wed, Thu, Fri, Sat or Sun");
        nearest = day_nearest(word);
        if (nearest)
                return time_fault(reader, at, "unknown day \"%s\": write \"%s\"", word, nearest);
        return time_fault(reader, at, "unknown day \"%s\": write Mon, Tue, Wed, Thu, Fri, Sat or Sun", word);
}

/* "Mon" or "Fri..Mon" */
static int read_day_range(TimeReader *reader, uint8_t *days) {
        unsigned first = 0, last;
        int r;

        r = read_day(reader, &first);
        if (r < 0)
                return r;
        last = first;
        if (*reader->next == '-')
                return time_fault(reader, reader->next,
                                  "days are joined by two dots or a comma, not by \"-\": write \"%s..\"",
                                  day_names[first]);
        if (text_starts_with(reader->next, DOTS)) {
                reader->next += strlen(DOTS);
                r = read_day(reader, &last);
                if (r < 0)
                        return r;
        }

        for (unsigned day = first;; day = (day + 1) % WEEK_DAYS) {
                *days |= (uint8_t) (1u << day);
                if (day == last)
                        return 0;
        }
}

static int read_days(TimeReader *reader, uint8_t *ret_days) {
        int r;

        *ret_days = 0;
        for (;;) {
                r = read_day_range(reader, ret_days);
                if (r < 0)
                        return r;
                if (*reader->next != ',')
                        break;
                reader->next++;
        }

        if (*reader->next && *reader->next != ' ')
                return time_fault(reader, reader->next,
                                  "\"%c\" cannot stand behind a day: write a comma, two dots or a blank",
                                  *reader->next);
        return 0;
}

int week_days_read(const char *text, uint8_t *ret_days, size_t *ret_length, TimeFault *reterr_fault) {
        TimeReader reader = { .text = text, .next = text, .fault = reterr_fault };
        int r;

        r = read_days(&reader, ret_days);
        if (r >= 0)
                *ret_length = (size_t) (reader.next - text);
        return r;
}

static bool is_digit(char character) {
        return character >= '0' && character <= '9';
}

/* "6:00", "06:00"; @ends: where it ends for who reads of it */
static int read_time(TimeReader *reader, const char *what, const char *ends, uint16_t *ret_minutes) {
        const char *at = reader->next, *next = at;
        unsigned hour = 0, minute = 0, n_digits = 0;
        char word[TIME_WORD_SIZE];

        for (; is_digit(*next) && n_digits < 2; n_digits++)
                hour = hour * 10 + (unsigned) (*next++ - '0');
        if (n_digits == 0 || next[0] != ':' || !is_digit(next[1]) || !is_digit(next[2]) ||
            (next[3] && next[3] != '.' && next[3] != '-' && next[3] != ' '))
                return time_fault(reader, at,
                                  "\"%s\" is no time of day: write %s in hours and minutes, such as \"06:00\"",
                                  time_word_at(at, ends, word), what);

        minute = (unsigned) (next[1] - '0') * 10 + (unsigned) (next[2] - '0');
        if (minute >= 60 || hour * 60 + minute > DAY_MINUTES)
                return time_fault(reader, at, "\"%s\" is no time of day: write one from 00:00 to 24:00",
                                  time_word_at(at, ends, word));

        reader->next = next + 3;
        *ret_minutes = (uint16_t) (hour * 60 + minute);
        return 0;
}

static int read_times(TimeReader *reader, WindowRange *range) {
        const char *at = reader->next;
        char word[TIME_WORD_SIZE];
        int r;

        r = read_time(reader, "the beginning", ".- ", &range->from);
        if (r < 0)
                return r;
        if (range->from == DAY_MINUTES)
                return time_fault(reader, at, "no day begins at 24:00: write \"00:00\" of the day after");
        if (*reader->next == '-')
                return time_fault(reader, reader->next, "times are joined by two dots, not by \"-\": write \"%s..\"",
                                  time_word_at(at, "-", word));
        if (!text_starts_with(reader->next, DOTS))
                return time_fault(reader, reader->next,
                                  "\"%s\" alone is a moment: write until when, such as \"%s..06:00\"",
                                  time_word_at(at, " .", word), word);

        reader->next += strlen(DOTS);
        r = read_time(reader, "the end", " ", &range->to);
        if (r < 0)
                return r;
        if (range->from == range->to)
                return time_fault(reader, at,
                                  "it begins and ends at the same time: write \"00:00..24:00\" for a whole day");
        return 0;
}

static void skip_blanks(TimeReader *reader) {
        reader->next += strspn(reader->next, " ");
}

static int read_range(TimeReader *reader, WindowRange *range) {
        char word[TIME_WORD_SIZE];
        int r;

        skip_blanks(reader);
        if (!is_digit(*reader->next)) {
                r = read_days(reader, &range->days);
                if (r < 0)
                        return r;
                skip_blanks(reader);
        }
        if (*reader->next) {
                r = read_times(reader, range);
                if (r < 0)
                        return r;
                skip_blanks(reader);
        }

        if (*reader->next)
                return time_fault(reader, reader->next,
                                  "\"%s\" stands behind the end: leave it out, or write a list of times; they are "
                                  "those of the machine's own clock",
                                  time_word_at(reader->next, " ", word));
        return 0;
}

int time_window_add(TimeWindow *window, const char *text, TimeFault *reterr_fault) {
        TimeReader reader = { .text = text, .next = text, .fault = reterr_fault };
        WindowRange range = { .days = ALL_DAYS, .from = 0, .to = DAY_MINUTES };
        int r;

        if (window->n_ranges == WINDOW_RANGES_MAX)
                return -E2BIG;
        r = read_range(&reader, &range);
        if (r < 0)
                return r;

        window->ranges[window->n_ranges++] = range;
        return 0;
}

/* Writing */

static bool has_day(uint8_t days, unsigned day) {
        return days & (1u << day % WEEK_DAYS);
}

/* "Mon,Wed..Fri,": runs of three days and more are written as such. */
static void print_days(uint8_t days, char buffer[static WINDOW_RANGE_TEXT_SIZE]) {
        for (unsigned day = 0; day < WEEK_DAYS; day++) {
                unsigned last = day;

                if (!has_day(days, day))
                        continue;
                while (last + 1 < WEEK_DAYS && has_day(days, last + 1))
                        last++;
                (void) text_append_format(buffer, WINDOW_RANGE_TEXT_SIZE, "%s%s", buffer[0] ? "," : "",
                                          day_names[day]);
                if (last > day + 1) {
                        (void) text_append_format(buffer, WINDOW_RANGE_TEXT_SIZE, DOTS "%s", day_names[last]);
                        day = last;
                }
        }
}

char *window_range_text(const WindowRange *range, char buffer[static WINDOW_RANGE_TEXT_SIZE]) {
        buffer[0] = 0;
        if (range->days != ALL_DAYS) {
                print_days(range->days, buffer);
                (void) text_append_format(buffer, WINDOW_RANGE_TEXT_SIZE, " ");
        }
        (void) text_append_format(buffer, WINDOW_RANGE_TEXT_SIZE, "%02u:%02u" DOTS "%02u:%02u", range->from / 60u,
                                  range->from % 60u, range->to / 60u, range->to % 60u);
        return buffer;
}

char *week_minute_text(unsigned week_minute, char buffer[static WEEK_MINUTE_TEXT_SIZE]) {
        unsigned minute = week_minute % DAY_MINUTES;

        (void) snprintf(buffer, WEEK_MINUTE_TEXT_SIZE, "%s %02u:%02u",
                        day_names[week_minute / DAY_MINUTES % WEEK_DAYS], minute / 60, minute % 60);
        return buffer;
}

/* Asking */

static bool range_has(const WindowRange *range, unsigned day, unsigned minute) {
        if (range->from < range->to)
                return has_day(range->days, day) && minute >= range->from && minute < range->to;

        return (has_day(range->days, day) && minute >= range->from) ||
               (has_day(range->days, day + WEEK_DAYS - 1) && minute < range->to);
}

bool time_window_has(const TimeWindow *window, unsigned week_minute) {
        for (size_t i = 0; i < window->n_ranges; i++)
                if (range_has(&window->ranges[i], week_minute / DAY_MINUTES, week_minute % DAY_MINUTES))
                        return true;

        return false;
}

static unsigned week_minute_of(const WallTime *wall) {
        return (unsigned) wall->weekday * DAY_MINUTES + (unsigned) wall->hour * 60 + (unsigned) wall->minute;
}

unsigned zone_week_minute(const Zone *zone, uint64_t realtime_usec) {
        WallTime wall;

        zone_wall_time(zone, (int64_t) (realtime_usec / USEC_PER_SEC), &wall);
        return week_minute_of(&wall);
}

bool time_window_is_open(const TimeWindow *window, const Zone *zone, uint64_t realtime_usec) {
        return time_window_has(window, zone_week_minute(zone, realtime_usec));
}

/* Where the clock stands in its week, to the second. */
static int64_t week_second(const Zone *zone, int64_t moment) {
        WallTime wall;

        zone_wall_time(zone, moment, &wall);
        return (int64_t) week_minute_of(&wall) * 60 + wall.second;
}

/* Did the clock go straight in between? Not more than STEP_SEC apart, so that a whole week cannot hide in it. */
static bool goes_straight(const Zone *zone, int64_t from, int64_t to) {
        const int64_t week = (int64_t) WEEK_MINUTES * 60;

        return (week_second(zone, from) + (to - from)) % week == week_second(zone, to);
}

/* The first moment after @from at which the clock was set: it was by @to. */
static int64_t find_setting(const Zone *zone, int64_t from, int64_t to) {
        int64_t straight = from;

        while (to - straight > 1) {
                int64_t middle = straight + (to - straight) / 2;

                if (goes_straight(zone, from, middle))
                        straight = middle;
                else
                        to = middle;
        }

        return to;
}

/* Seconds until the window is (or is not) open, if the clock goes straight on; negative: it never is. */
static int64_t seconds_until(const TimeWindow *window, int64_t second_of_week, bool is_open) {
        unsigned minute = (unsigned) (second_of_week / 60);

        for (unsigned n = 1; n <= WEEK_MINUTES; n++)
                if (time_window_has(window, (minute + n) % WEEK_MINUTES) == is_open)
                        return (int64_t) n * 60 - second_of_week % 60;

        return -1;
}

uint64_t time_window_next(const TimeWindow *window, const Zone *zone, uint64_t realtime_usec, bool is_open) {
        int64_t begin = (int64_t) (realtime_usec / USEC_PER_SEC), moment = begin;

        if (time_window_is_open(window, zone, realtime_usec) == is_open)
                return realtime_usec;

        while (moment < begin + SEARCH_SEC) {
                int64_t second = week_second(zone, moment), wait;

                if (time_window_has(window, (unsigned) (second / 60)) == is_open)
                        return (uint64_t) moment * USEC_PER_SEC;
                wait = seconds_until(window, second, is_open);
                if (wait < 0)
                        break;
                wait = min_of(wait, STEP_SEC);
                moment = goes_straight(zone, moment, moment + wait) ? moment + wait
                                                                    : find_setting(zone, moment, moment + wait);
        }

        return USEC_INFINITY;
}
