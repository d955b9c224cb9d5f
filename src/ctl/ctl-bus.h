/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * healerctl's end of the system bus: connecting, calling, and turning what went wrong into a sentence
 * that says what to do and an exit code. healerd is never started by looking at it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "src/basic/macro.h"
#include "src/ctl/ctl-exit.h"

/* Looking takes milliseconds; a daemon that is silent for so long will not answer. */
#define CTL_CALL_TIMEOUT_USEC (10 * USEC_PER_SEC)
/* An order that nobody is asked about: polkit alone has 25 s to say no. */
#define CTL_ORDER_TIMEOUT_USEC (40 * USEC_PER_SEC)
/* A call that may wait for somebody to type a password. */
#define CTL_ASK_TIMEOUT_USEC (5 * USEC_PER_MINUTE)

static inline void sd_bus_close_at(sd_bus **bus) {
        *bus = sd_bus_flush_close_unref(*bus);
}

static inline void sd_bus_message_unref_at(sd_bus_message **message) {
        *message = sd_bus_message_unref(*message);
}

static inline void sd_bus_slot_unref_at(sd_bus_slot **slot) {
        *slot = sd_bus_slot_unref(*slot);
}

/* Whose system bus: of @host, as ssh knows it, of a container that systemd-machined knows, or of this machine (both
 * NULL). Said once, before anything is asked: one run speaks to one machine. Borrowed. */
void ctl_bus_choose(const char *host, const char *machine);
/* True if that is another system: names of files, users and clocks are not ours. */
bool ctl_bus_is_remote(void);
/* Connects to that bus; says what is wrong on standard error. */
CtlExit ctl_bus_open(sd_bus **ret_bus);

/* A method call to healerd without arguments yet. Returns 0 or a negative errno. */
int ctl_bus_new_call(sd_bus *bus, const char *path, const char *interface, const char *member,
                     sd_bus_message **ret_call);

/**
 * ctl_bus_call() - send a call and wait for the answer
 * @subject: what stands first in an error ("/srv"); NULL: nothing
 *
 * With CTL_ASK_TIMEOUT_USEC the call allows interactive authorisation. Says what is wrong on standard error.
 */
CtlExit ctl_bus_call(sd_bus *bus, sd_bus_message *call, uint64_t timeout_usec, const char *subject,
                     sd_bus_message **ret_reply);

/* What an error of the bus means. @ret_advice: what to do, a whole sentence; NULL: the error's own message says
 * it. Pure. */
CtlExit ctl_bus_classify(const char *error_name, const char **ret_advice);

/* Prints "healerctl: SUBJECT: TEXT" to standard error with everything made safe for a terminal, the text in the
 * language of the user: tools/extract-messages finds it here, so it needs no mark. */
void ctl_complain(const char *subject, const char *format, ...) _printf_(2, 3);
