/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What we say to org.freedesktop.PolicyKit1 and how its answers are read. Sends nothing itself.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "src/bus/bus-authorize.h"

typedef struct PolkitQuestion {
        const BusGuard *guard;
        const char *sender;             /* unique name of the caller */
        bool is_interactive;            /* a person may be asked for a password */
        const char *cancellation_id;    /* for polkit_cancel_new() */
        const BusAuthorizeCall *call;
} PolkitQuestion;

int polkit_question_new(sd_bus *bus, const PolkitQuestion *question, sd_bus_message **ret_message);
/* Takes a question back, so that a dialog nobody waits for any more closes. */
int polkit_cancel_new(sd_bus *bus, const char *cancellation_id, sd_bus_message **ret_message);

typedef enum PolkitAnswer {
        POLKIT_YES,
        POLKIT_NO,
        POLKIT_CHALLENGE,               /* a password could help, and nobody could be asked for it */
        POLKIT_DISMISSED,               /* the person closed the dialog */
        POLKIT_ABSENT,                  /* not installed, masked, cannot be started */
        POLKIT_BROKEN,                  /* it answered with an error or with nonsense */
} PolkitAnswer;

PolkitAnswer polkit_answer_read(sd_bus_message *reply);
