/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `healerctl events`: what the history holds, in the lines of `healerctl monitor`, or as a stream for
 * `healerctl policy simulate`.
 */
#include <errno.h>
#include <stdio.h>

#include "src/basic/cleanup.h"
#include "src/ctl/ctl-history.h"
#include "src/ctl/ctl-line.h"
#include "src/ctl/ctl-output.h"
#include "src/ctl/ctl-pager.h"
#include "src/ctl/ctl-value.h"
#include "src/ctl/ctl-verb.h"

static CtlExit print_entries(json_t *entries, bool is_json) {
        json_t *entry;
        size_t i;

        json_array_foreach(entries, i, entry) {
                _cleanup_(json_decref_at) json_t *line = ctl_line_of_history(json_incref(entry));
                int r = 0;

                if (!line)
                        return CTL_EXIT_FAILED;
                if (is_json)
                        r = ctl_json_print(line, true, stdout);
                else
                        ctl_line_print(line, stdout);
                if (r < 0)
                        return r == -EPIPE ? CTL_EXIT_OK : CTL_EXIT_FAILED;
        }
        return CTL_EXIT_OK;
}

CtlExit ctl_events(const CtlRequest *request) {
        _cleanup_(json_decref_at) json_t *entries = NULL;
        CtlHistoryQuestion question;
        CtlExit exit_code;

        exit_code = ctl_history_question(request, &question);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        if (request->options & CTL_OPTION_TOP)
                return ctl_top(request, &question);
        if (request->options & CTL_OPTION_EXPORT)
                return ctl_history_export(request, &question, stdout);
        exit_code = ctl_history_ask(request, &question, &entries);
        if (exit_code != CTL_EXIT_OK)
                return exit_code;
        ctl_pager_open(request);
        return print_entries(entries, request->options & CTL_OPTION_JSON);
}
