/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A line is written when the descriptor has room for it: a line is shorter than what pipes and sockets take at once
 * when they say that they have room. The descriptor is not made non-blocking, because it is not ours alone.
 */

#include "src/xfs-healer/healer-output.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>

#include "src/basic/file.h"

/* How long an end waits for somebody who does not read. */
#define DRAIN_MSEC 2000

typedef struct OutputLine {
        STAILQ_ENTRY(OutputLine) entry;
        size_t length;
        char text[];
} OutputLine;

struct HealerOutput {
        int fd;
        sd_event_source *source;        /* NULL: it takes everything at once, as a file does */
        size_t n_lines;
        uint64_t n_dropped;
        STAILQ_HEAD(, OutputLine) lines;
};

static void drop_first(HealerOutput *output) {
        OutputLine *line = STAILQ_FIRST(&output->lines);

        STAILQ_REMOVE_HEAD(&output->lines, entry);
        output->n_lines--;
        free(line);
}

static void clear(HealerOutput *output) {
        while (!STAILQ_EMPTY(&output->lines))
                drop_first(output);
}

/* Who does not listen any more is not told any more. */
static void write_text(HealerOutput *output, const char *text, size_t length) {
        if (output->fd >= 0 && file_write_all(output->fd, text, length) < 0) {
                output->fd = -EBADF;
                clear(output);
        }
}

static void add(HealerOutput *output, const char *text) {
        size_t length = strlen(text);
        OutputLine *line = NULL;

        if (output->n_lines < OUTPUT_LINES_MAX)
                line = malloc(sizeof(*line) + length + 1);
        if (!line) {
                output->n_dropped++;
                return;
        }

        line->length = length + 1;
        memcpy(line->text, text, length);
        line->text[length] = '\n';
        STAILQ_INSERT_TAIL(&output->lines, line, entry);
        output->n_lines++;
}

static void write_first(HealerOutput *output) {
        const OutputLine *line = STAILQ_FIRST(&output->lines);
        char text[96];

        if (line) {
                write_text(output, line->text, line->length);
                if (!STAILQ_EMPTY(&output->lines))
                        drop_first(output);
        }
        if (!STAILQ_EMPTY(&output->lines) || output->n_dropped == 0)
                return;

        /* What was dropped came after what has been written now. */
        (void) snprintf(text, sizeof(text), "xfs_healer: %" PRIu64 " lines were dropped, nobody read them",
                        output->n_dropped);
        output->n_dropped = 0;
        add(output, text);
}

static int on_room(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        HealerOutput *output = userdata;

        (void) fd;
        (void) revents;

        write_first(output);
        return healer_output_is_written(output) ? sd_event_source_set_enabled(source, SD_EVENT_OFF) : 0;
}

int healer_output_new(sd_event *event, int fd, HealerOutput **ret_output) {
        _cleanup_(healer_output_free_at) HealerOutput *output = calloc(1, sizeof(*output));
        int r;

        if (!output)
                return -ENOMEM;
        output->fd = fd;
        STAILQ_INIT(&output->lines);

        r = sd_event_add_io(event, &output->source, fd, EPOLLOUT, on_room, output);
        /* Files and /dev/null cannot be waited for and need not be. */
        if (r < 0 && r != -EPERM && r != -EBADF)
                return r;
        if (r >= 0)
                r = sd_event_source_set_enabled(output->source, SD_EVENT_OFF);
        if (r < 0 && output->source)
                return r;

        *ret_output = steal_ptr(output);
        return 0;
}

HealerOutput *healer_output_free(HealerOutput *output) {
        if (!output)
                return NULL;

        clear(output);
        sd_event_source_disable_unref(output->source);
        free(output);
        return NULL;
}

void healer_output_line(HealerOutput *output, const char *line) {
        if (output->fd < 0)
                return;

        add(output, line);
        if (output->source)
                (void) sd_event_source_set_enabled(output->source, SD_EVENT_ON);
        else
                while (!healer_output_is_written(output))
                        write_first(output);
}

void healer_output_drain(HealerOutput *output) {
        while (!healer_output_is_written(output) &&
               poll(&(struct pollfd) { .fd = output->fd, .events = POLLOUT }, 1, DRAIN_MSEC) > 0)
                write_first(output);
}

bool healer_output_is_written(const HealerOutput *output) {
        return STAILQ_EMPTY(&output->lines);
}
