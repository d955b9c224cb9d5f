/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl reload`: what the daemon thinks of the policy files now. A policy that does not load leaves the
 * one in force that did.
 */
#include <stdio.h>

#include "src/ctl/ctl-manager.h"
#include "src/ctl/ctl-verb.h"

static CtlExit call_and_say(const CtlRequest *request, const char *member, const char *done) {
        CtlExit exit_code = ctl_manager_call(request, member, NULL, NULL, NULL);

        if (exit_code == CTL_EXIT_OK)
                puts(done);
        return exit_code;
}

CtlExit ctl_reload(const CtlRequest *request) {
        return call_and_say(request, "ReloadPolicy", "policy loaded");
}
