/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl history --dump`: what healerd writes to a pipe goes to standard output as it comes, whatever its size. The
 * last line says whether it is all.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/ctl/ctl-bus.h"
#include "src/ctl/ctl-history.h"
#include "src/ctl/ctl-manager.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-value.h"

/* Longer than the last line may be. */
#define LINE_SIZE 4096

/* What came last, from the beginning of its line if it fits. */
typedef struct Tail {
        char text[LINE_SIZE];
        size_t length;
} Tail;

static void tail_add(Tail *tail, const char *bytes, size_t n) {
        for (size_t i = 0; i < n; i++) {
                /* A line that ended is the last one only until another begins. */
                if (tail->length > 0 && tail->text[tail->length - 1] == '\n')
                        tail->length = 0;
                if (tail->length < sizeof(tail->text))
                        tail->text[tail->length++] = bytes[i];
        }
}

static CtlExit check_tail(const Tail *tail) {
        _cleanup_(json_decref_at) json_t *line = json_loadb(tail->text, tail->length, 0, NULL);
        const char *error = ctl_value_text(line, "error");

        if (strcmp(ctl_value_text(line, "type"), "end") != 0) {
                ctl_complain(NULL, "the history is not complete: it was cut off");
                return CTL_EXIT_FAILED;
        }
        if (ctl_value_truth(line, "complete"))
                return CTL_EXIT_OK;
        fputs("healerctl: the history is not complete: ", stderr);
        ctl_print_safe(stderr, error);
        fputc('\n', stderr);
        return CTL_EXIT_FAILED;
}

static CtlExit copy(int fd) {
        static char buffer[65536];
        static Tail tail;
        ssize_t n;

        while ((n = read(fd, buffer, sizeof(buffer))) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0) {
                        ctl_complain(NULL, "cannot read the history: %s", strerror(errno));
                        return CTL_EXIT_FAILED;
                }
                if (fwrite(buffer, 1, (size_t) n, stdout) != (size_t) n)
                        return errno == EPIPE ? CTL_EXIT_OK : CTL_EXIT_FAILED;
                tail_add(&tail, buffer, (size_t) n);
        }
        return check_tail(&tail);
}

CtlExit ctl_history_dump(const CtlRequest *request, const CtlHistoryQuestion *question) {
        _cleanup_(sd_bus_message_unref_at) sd_bus_message *reply = NULL;
        CtlExit exit_code;
        int fd, r;

        exit_code = ctl_manager_call(request, "DumpEvents", ctl_history_append_dump, question, &reply);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        r = sd_bus_message_read(reply, "h", &fd);
        if (r > 0)
                return copy(fd);
        ctl_complain(NULL, "cannot read the answer of healerd: %s", strerror(r < 0 ? -r : EBADMSG));
        return CTL_EXIT_FAILED;
}
