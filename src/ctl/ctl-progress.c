/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "src/ctl/ctl-progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "src/basic/clock.h"
#include "src/basic/duration.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-value.h"

#define BAR_MIN 10
#define BAR_MAX 40
/* A rate of less than this is a guess. */
#define RATE_AFTER_USEC USEC_PER_SEC
/* Where a terminal does not tell. */
#define WIDTH_DEFAULT 80

char *ctl_bytes_text(uint64_t bytes, char buffer[static CTL_BYTES_SIZE]) {
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
        double value = (double) bytes;
        size_t i = 0;

        while (value >= 1024 && i + 1 < ELEMENTSOF(units)) {
                value /= 1024;
                i++;
        }
        (void) snprintf(buffer, CTL_BYTES_SIZE, "%.*f %s", i == 0 || value >= 100 ? 0 : 1, value, units[i]);
        return buffer;
}

/* In percent; negative: not known. */
static double share_of(const json_t *job) {
        uint64_t total = ctl_value_number(job, "bytes_total"), done = ctl_value_number(job, "bytes_done");

        if (total > 0)
                return 100.0 * (double) min_of(done, total) / (double) total;
        return ctl_value_number(job, "phase") > 0 ? (double) min_of(ctl_value_number(job, "progress"), UINT64_C(100))
                                                  : -1;
}

char *ctl_progress_share(const json_t *job, char buffer[static CTL_SHARE_SIZE]) {
        uint64_t phase = ctl_value_number(job, "phase");
        double share = share_of(job);

        buffer[0] = '\0';
        if (share < 0)
                return buffer;
        if (phase > 0)
                (void) text_append_format(buffer, CTL_SHARE_SIZE, "phase %" PRIu64 ", ", phase);
        (void) text_append_format(buffer, CTL_SHARE_SIZE, "%.0f %%", share);
        return buffer;
}

/* To the second, from an hour on to the minute. */
static char *about(uint64_t usec, char buffer[static DURATION_TEXT_SIZE]) {
        uint64_t unit = usec >= 60 * USEC_PER_MINUTE ? USEC_PER_MINUTE : USEC_PER_SEC;

        return duration_format((usec + unit / 2) / unit * unit, buffer);
}

/* Appends unless that is more than fits. */
static void append(char *text, unsigned width, const char *part) {
        if (*part && (width == 0 || ctl_text_width(text) + ctl_text_width(part) <= width))
                (void) text_append_format(text, CTL_PROGRESS_SIZE, "%s", part);
}

static void append_left(char *text, unsigned width, const json_t *job, uint64_t now_usec) {
        uint64_t end_usec = ctl_value_number(job, "estimated_end");
        char duration[DURATION_TEXT_SIZE], part[DURATION_TEXT_SIZE + 32];

        if (end_usec <= now_usec)
                return;
        (void) snprintf(part, sizeof(part), "  %s left%s", about(end_usec - now_usec, duration),
                        ctl_value_number(job, "phase") > 0 ? " of it" : "");
        append(text, width, part);
}

static void append_bytes(char *text, unsigned width, const json_t *job, uint64_t bytes_per_sec) {
        uint64_t total = ctl_value_number(job, "bytes_total");
        char done_text[CTL_BYTES_SIZE], total_text[CTL_BYTES_SIZE], part[3 * CTL_BYTES_SIZE];

        if (total == 0)
                return;
        if (bytes_per_sec > 0) {
                (void) snprintf(part, sizeof(part), "  %s/s", ctl_bytes_text(bytes_per_sec, done_text));
                append(text, width, part);
        }
        (void) ctl_bytes_text(ctl_value_number(job, "bytes_done"), done_text);
        (void) snprintf(part, sizeof(part), "  %s of %s", done_text, ctl_bytes_text(total, total_text));
        append(text, width, part);
}

/* What can be said of one that does not tell how far it is. */
static void append_state(char *text, unsigned width, const json_t *job, uint64_t now_usec) {
        uint64_t started_usec = ctl_value_number(job, "started");
        char duration[DURATION_TEXT_SIZE], part[DURATION_TEXT_SIZE + 16];

        if (!text_equal(ctl_value_text(job, "state"), "running")) {
                append(text, width, "  waits for its turn");
                return;
        }
        append(text, width, "  running");
        if (started_usec == 0 || now_usec < started_usec + USEC_PER_SEC)
                return;
        (void) snprintf(part, sizeof(part), " for %s", about(now_usec - started_usec, duration));
        append(text, width, part);
}

/* "  [####----]" between the name and the rest, as wide as there is room. */
static void append_bar(char *text, unsigned width, const char *rest, double share) {
        size_t taken = ctl_text_width(text) + ctl_text_width(rest) + strlen("  []"), n, n_full;
        char bar[BAR_MAX + 8] = "  [";

        if (width < taken + BAR_MIN)
                return;
        n = min_of(width - taken, (size_t) BAR_MAX);
        n_full = (size_t) (share * (double) n / 100);
        for (size_t i = 0; i < n; i++)
                bar[3 + i] = i < n_full ? '#' : '-';
        (void) text_append_format(text, CTL_PROGRESS_SIZE, "%.*s]", (int) (3 + n), bar);
}

char *ctl_progress_text(const char *name, const json_t *job, uint64_t bytes_per_sec, uint64_t now_usec, unsigned width,
                        char buffer[static CTL_PROGRESS_SIZE]) {
        char rest[CTL_PROGRESS_SIZE] = "", share_text[CTL_SHARE_SIZE], part[CTL_SHARE_SIZE + 2];
        unsigned room, name_width = (unsigned) ctl_text_width(name);
        double share = share_of(job);

        buffer[0] = '\0';
        if (name_width < CTL_PROGRESS_SIZE / 2 && (width == 0 || name_width <= width / 2))
                (void) text_append_format(buffer, CTL_PROGRESS_SIZE, "%s%s", name, width == 0 ? ":" : "");
        room = width == 0 ? 0 : width - (unsigned) ctl_text_width(buffer);

        if (share < 0)
                append_state(rest, room, job, now_usec);
        else {
                (void) snprintf(part, sizeof(part), "  %s", ctl_progress_share(job, share_text));
                append(rest, room, part);
                append_left(rest, room, job, now_usec);
                append_bytes(rest, room, job, bytes_per_sec);
                append_bar(buffer, width, rest, share);
        }
        (void) text_append_format(buffer, CTL_PROGRESS_SIZE, "%s", rest + (width == 0));
        return buffer;
}

void ctl_progress_resize(CtlProgress *progress) {
        struct winsize size;

        progress->width = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) >= 0 && size.ws_col > 0 ? size.ws_col : WIDTH_DEFAULT;
}

void ctl_progress_init(CtlProgress *progress, bool is_quiet) {
        const char *terminal = getenv("TERM");

        progress->is_quiet = is_quiet;
        progress->is_terminal = isatty(STDERR_FILENO) && terminal && !text_equal(terminal, "dumb");
        ctl_progress_resize(progress);
}

void ctl_progress_done(CtlProgress *progress) {
        ctl_progress_clear(progress);
        json_decref(progress->job);
        progress->job = NULL;
}

void ctl_progress_clear(CtlProgress *progress) {
        if (!progress->is_drawn)
                return;
        fputs("\r\x1b[K", stderr);
        (void) fflush(stderr);
        progress->is_drawn = false;
}

static uint64_t bytes_per_sec(const CtlProgress *progress) {
        uint64_t elapsed_usec = clock_monotonic_usec() - progress->first_usec;
        uint64_t done = ctl_value_number(progress->job, "bytes_done");

        if (progress->first_usec == 0 || elapsed_usec < RATE_AFTER_USEC || done <= progress->first_bytes)
                return 0;
        return (uint64_t) ((double) (done - progress->first_bytes) * (double) USEC_PER_SEC / (double) elapsed_usec);
}

void ctl_progress_draw(CtlProgress *progress) {
        char text[CTL_PROGRESS_SIZE];

        if (!progress->is_terminal || progress->is_quiet || !progress->job)
                return;
        /* One place less: a line that fills the last one makes some terminals begin the next. */
        fprintf(stderr, "\r%s\x1b[K", ctl_progress_text(progress->name, progress->job, bytes_per_sec(progress),
                                                        clock_realtime_usec(), progress->width - 1, text));
        (void) fflush(stderr);
        progress->is_drawn = true;
}

/* A log wants to know now and then, not every second. */
static void tell(CtlProgress *progress) {
        uint64_t now = ctl_value_number(progress->job, "phase") * 100 + (uint64_t) (share_of(progress->job) / 10);
        char text[CTL_PROGRESS_SIZE];

        if (progress->is_quiet || share_of(progress->job) < 0 || now == progress->told)
                return;
        progress->told = now;
        fprintf(stderr, "%s\n", ctl_progress_text(progress->name, progress->job, bytes_per_sec(progress),
                                                  clock_realtime_usec(), 0, text));
}

int ctl_progress_take(CtlProgress *progress, json_t *properties) {
        if (!progress->job)
                progress->job = json_object();
        if (!progress->job || json_object_update(progress->job, properties) < 0)
                return -ENOMEM;
        if (progress->first_usec == 0 && ctl_value_number(progress->job, "bytes_total") > 0) {
                progress->first_usec = clock_monotonic_usec();
                progress->first_bytes = ctl_value_number(progress->job, "bytes_done");
        }
        if (!progress->is_terminal)
                tell(progress);
        else if (share_of(progress->job) >= 0)
                ctl_progress_draw(progress);
        return 0;
}
