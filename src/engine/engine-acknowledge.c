/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conditions that a person ends. What they say has happened and is over, so nothing that is looked at could clear them.
 */
#include <errno.h>

#include "src/basic/text.h"
#include "src/engine/engine-internal.h"

static const HealthCondition *find(const Filesystem *filesystem, const Acknowledgement *acknowledgement) {
        const ConditionList *list = &filesystem->conditions;

        if (!acknowledgement->is_all)
                return condition_find(list, acknowledgement->code, acknowledgement->target);
        for (size_t i = 0; i < list->n_items; i++)
                if (list->items[i].code == acknowledgement->code)
                        return list->items + i;
        return NULL;
}

int engine_acknowledge(Engine *engine, Filesystem *filesystem, const Acknowledgement *acknowledgement) {
        const HealthCondition *condition;
        int n = 0;

        if (condition_still_so(acknowledgement->code))
                return -EACCES;

        /* Each one may end others (a hold that is lifted), so the list is looked at anew. */
        while ((condition = find(filesystem, acknowledgement))) {
                char target[CONDITION_TARGET_SIZE];

                (void) text_copy(target, sizeof(target), condition->target);
                engine_tell(engine, on_acknowledged, condition, acknowledgement, filesystem);
                engine_drop(engine, filesystem, acknowledgement->code, target);
                n++;
        }
        return n > 0 ? n : -ENOMSG;
}
