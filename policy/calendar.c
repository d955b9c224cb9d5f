/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading calendar expressions. What they mean is in calendar-next.c.
 */
#include "policy/calendar.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/policy-vocabulary.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

#define ALL_WEEK_DAYS 0x7f
#define DOTS ".."
/* Years are written in full. */
#define YEAR_MIN 1970
#define YEAR_MAX 2199

static const struct {
        const char *word, *text;
} shorthands[] = {
        { "minutely",     "*-*-* *:*:00" },
        { "hourly",       "*-*-* *:00:00" },
        { "daily",        "*-*-* 00:00:00" },
        { "weekly",       "Mon *-*-* 00:00:00" },
        { "monthly",      "*-*-01 00:00:00" },
        { "quarterly",    "*-01,04,07,10-01 00:00:00" },
        { "semiannually", "*-01,07-01 00:00:00" },
        { "yearly",       "*-01-01 00:00:00" },
        { "annually",     "*-01-01 00:00:00" },
};

/* One number of a date or a time. */
typedef struct Field {
        const char *name;
        unsigned min, max;
        const char *ends;               /* what may stand behind it */
} Field;

static const Field year_field = { "year", YEAR_MIN, YEAR_MAX, "-" };
static const Field month_field = { "month", 1, 12, "-~" };
static const Field day_field = { "day of a month", 1, 31, " " };
static const Field hour_field = { "hour", 0, 23, ":" };
static const Field minute_field = { "minute", 0, 59, ": " };
static const Field second_field = { "second", 0, 59, " " };

static int read_number(TimeReader *reader, const Field *field, unsigned min, unsigned *ret_number) {
        const char *at = reader->next;
        unsigned number = 0, n_digits = 0;
        char word[TIME_WORD_SIZE];

        for (; isdigit((unsigned char) *reader->next) && n_digits < 4; n_digits++)
                number = number * 10 + (unsigned) (*reader->next++ - '0');
        if (n_digits == 0 || isdigit((unsigned char) *reader->next) || number < min || number > field->max) {
                reader->next = at;
                return time_fault(reader, at, "\"%s\" begins with no %s: write %u to %u, or *",
                                  time_word_at(at, " ", word), field->name, min, field->max);
        }
        *ret_number = number;
        return 0;
}

/* "*", "5", "1..7", each with "/2" behind it. */
static int read_part(TimeReader *reader, const Field *field, CalendarYears *ret_part) {
        unsigned from = field->min, to = field->max, step = 1;
        bool is_single = false;
        int r;

        if (*reader->next == '*')
                reader->next++;
        else {
                r = read_number(reader, field, field->min, &from);
                if (r < 0)
                        return r;
                is_single = !text_starts_with(reader->next, DOTS);
                if (!is_single) {
                        reader->next += strlen(DOTS);
                        r = read_number(reader, field, from, &to);
                        if (r < 0)
                                return r;
                }
        }
        if (*reader->next == '/') {
                reader->next++;
                r = read_number(reader, field, 1, &step);
                if (r < 0)
                        return r;
        } else if (is_single)
                to = from;

        *ret_part = (CalendarYears) { (uint16_t) from, (uint16_t) to, (uint16_t) step };
        return 0;
}

static bool ends_here(const TimeReader *reader, const Field *field) {
        return !*reader->next || strchr(field->ends, *reader->next);
}

/* @ret_bits: of a field below 64; NULL: @ret_years */
static int read_field(TimeReader *reader, const Field *field, uint64_t *ret_bits, Calendar *ret_years) {
        CalendarYears part;
        int r;

        for (;;) {
                r = read_part(reader, field, &part);
                if (r < 0)
                        return r;
                if (ret_bits)
                        for (unsigned i = part.from; i <= part.to; i += part.step)
                                *ret_bits |= UINT64_C(1) << i;
                else if (ret_years->n_years == CALENDAR_YEARS_MAX)
                        return time_fault(reader, reader->next, "more than %d years in a list: write a range",
                                          CALENDAR_YEARS_MAX);
                else
                        ret_years->years[ret_years->n_years++] = part;
                if (*reader->next != ',')
                        break;
                reader->next++;
        }
        if (!ends_here(reader, field))
                return time_fault(reader, reader->next, "\"%c\" cannot stand behind the %s", *reader->next,
                                  field->name);
        return 0;
}

static int expect(TimeReader *reader, const char *separators, const char *what) {
        if (!*reader->next || !strchr(separators, *reader->next))
                return time_fault(reader, reader->next, "%s is missing", what);
        reader->next++;
        return 0;
}

static int read_date(TimeReader *reader, Calendar *calendar) {
        unsigned n_separators = 0;
        bool is_from_end;
        int r;

        for (const char *c = reader->next; *c && *c != ' '; c++)
                n_separators += *c == '-' || *c == '~';
        if (n_separators > 1) {
                r = read_field(reader, &year_field, NULL, calendar);
                if (r >= 0)
                        r = expect(reader, "-", "the month, behind a \"-\",");
                if (r < 0)
                        return r;
        }
        r = read_field(reader, &month_field, &calendar->months, NULL);
        if (r < 0)
                return r;
        is_from_end = *reader->next == '~';
        r = expect(reader, "-~", "the day, behind a \"-\",");
        if (r < 0)
                return r;
        return read_field(reader, &day_field, is_from_end ? &calendar->last_days : &calendar->days, NULL);
}

static int read_time(TimeReader *reader, Calendar *calendar) {
        int r;

        r = read_field(reader, &hour_field, &calendar->hours, NULL);
        if (r >= 0)
                r = expect(reader, ":", "the minute, behind a \":\",");
        if (r >= 0)
                r = read_field(reader, &minute_field, &calendar->minutes, NULL);
        if (r < 0)
                return r;
        if (*reader->next != ':') {
                calendar->seconds = 1;
                return 0;
        }
        reader->next++;
        return read_field(reader, &second_field, &calendar->seconds, NULL);
}

static void skip_blanks(TimeReader *reader) {
        reader->next += strspn(reader->next, " ");
}

static bool is_time(const char *text) {
        return memchr(text, ':', strcspn(text, " "));
}

static int read_week_days(TimeReader *reader, Calendar *calendar) {
        size_t length, offset = (size_t) (reader->next - reader->text);
        int r;

        r = week_days_read(reader->next, &calendar->week_days, &length, reader->fault);
        if (r < 0) {
                reader->fault->offset += offset;
                return r;
        }
        reader->next += length;
        skip_blanks(reader);
        return 0;
}

static int read_calendar(TimeReader *reader, Calendar *calendar) {
        char word[TIME_WORD_SIZE];
        int r = 0;

        skip_blanks(reader);
        if (!*reader->next)
                return time_fault(reader, reader->next, "it says no time: write one such as \"Sun *-*-1..7 03:00\"");
        if (isalpha((unsigned char) *reader->next))
                r = read_week_days(reader, calendar);
        if (r >= 0 && *reader->next && !is_time(reader->next)) {
                r = read_date(reader, calendar);
                skip_blanks(reader);
        } else if (r >= 0) {
                calendar->months = UINT64_MAX;
                calendar->days = UINT64_MAX;
        }
        if (r < 0)
                return r;
        if (*reader->next)
                r = read_time(reader, calendar);
        else
                calendar->hours = calendar->minutes = calendar->seconds = 1;
        skip_blanks(reader);
        if (r >= 0 && *reader->next)
                return time_fault(reader, reader->next,
                                  "\"%s\" stands behind the end: leave it out; the time is that of the "
                                  "machine's own clock",
                                  time_word_at(reader->next, " ", word));
        return r;
}

/* The words alone; "Mon" and the like are days. */
static const char *expand(const char *text) {
        for (size_t i = 0; i < ELEMENTSOF(shorthands); i++)
                if (text_equal(text, shorthands[i].word))
                        return shorthands[i].text;
        return NULL;
}

static int fail_word(TimeReader *reader) {
        const char *words[ELEMENTSOF(shorthands)], *nearest;

        for (size_t i = 0; i < ELEMENTSOF(shorthands); i++)
                words[i] = shorthands[i].word;
        nearest = word_nearest(reader->text, words, ELEMENTSOF(words));
        if (!nearest)
                return 0;
        return time_fault(reader, reader->text, "unknown word \"%s\": did you mean \"%s\"?", reader->text, nearest);
}

int calendar_add(CalendarMoments *moments, const char *text, TimeFault *reterr_fault) {
        const char *expanded = expand(text);
        TimeReader reader = { .text = expanded ?: text, .next = expanded ?: text, .fault = reterr_fault };
        Calendar calendar = { .week_days = ALL_WEEK_DAYS };
        int r;

        if (moments->n == CALENDAR_MOMENTS_MAX)
                return -E2BIG;
        if (text_copy(calendar.text, sizeof(calendar.text), text) < 0)
                return time_fault(&reader, reader.text, "it is too long: write at most %zu bytes",
                                  sizeof(calendar.text) - 1);
        r = expanded ? 0 : fail_word(&reader);
        if (r >= 0)
                r = read_calendar(&reader, &calendar);
        if (r < 0)
                return r;

        moments->items[moments->n++] = calendar;
        return 0;
}
