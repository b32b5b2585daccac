# SPDX-License-Identifier: Apache-2.0
"""The 78 faults that systems of this kind had, and the tests that would find each here.

A test is named `file::function`, or as a .slt file; files without a folder are in this one. A pattern that
nothing tests says so, and why. test_patterns.py checks that every name exists.
"""

from __future__ import annotations

HERE = "test_patterns.py"
THERE = "test_patterns_running.py"
RESTORE = "test_patterns_restore.py"
SCOPE = "tests/unit/op/test_scope.c"
WINDOWS = "tests/unit/db/test_windows.c"
CUTS = "tests/unit/db/test_scope.c::test_orders_and_cuts"
RANDOM = "test_equivalence.py::test_incremental_is_once_is_duckdb"

PATTERNS: dict[int, tuple[str, ...]] = {
    # A. retraction and aggregates
    1: (f"{HERE}::test_01_extremes_go",
        "tests/unit/agg/test_retraction.c::test_values_are_those_of_what_is_left",
        "tests/unit/agg/test_retraction.c::test_every_sequence"),
    2: (f"{RESTORE}::test_02_groups_go_after_a_restore_at_every_moment", RANDOM),
    3: (f"{HERE}::test_03_groups_vanish", f"{SCOPE}::test_group_sequences"),
    4: (f"{HERE}::test_04_nothing_is_one_row",),
    5: (f"{HERE}::test_05_changes_apply_in_their_order",),
    6: ("tests/unit/agg/test_agg.c::test_no_residue", "test_exact_numbers.py::test_sums_with_retraction"),
    7: (f"{HERE}::test_07_sums_do_not_wrap", "tests/unit/agg/test_agg.c::test_integer_edges"),
    8: (f"{HERE}::test_08_averages_of_the_largest",),
    9: (f"{HERE}::test_09_distinct_counts_copies",),
    10: (f"{HERE}::test_10_filters_flip",),
    11: (f"{HERE}::test_11_first_and_last",),
    12: ("test_range_frames.py::test_range_frames_of_every_key",
         "tests/unit/op/test_over.c::test_histories", "tests/unit/op/test_over.c::test_sequences"),
    13: ("open: aggregates in Python are not there yet",),
    14: (f"{HERE}::test_14_variance_of_large_numbers",),
    15: ("tests/unit/op/test_join.c::test_wide_and_overflow",),
    # B. NULL, equality, types
    16: (f"{SCOPE}::test_join_sequences", "tests/sql/join/outer.slt"),
    17: (f"{HERE}::test_17_null_is_a_group",),
    18: (f"{HERE}::test_18_not_in_with_null", "test_partition.py::test_parts_are_the_whole"),
    19: (f"{HERE}::test_19_every_nan_is_one", f"{HERE}::test_19_zeros_are_one"),
    20: ("tests/unit/state/test_group_collisions.c::test_colliding_shapes",),
    21: (f"{HERE}::test_21_garbage_under_null",),
    22: (f"{HERE}::test_22_slices",),
    23: ("tests/python/test_arrow_types.py::test_dictionaries",
         "tests/python/test_arrow_types.py::test_dictionaries_of_a_stream"),
    24: (f"{HERE}::test_24_halves_of_decimals",),
    25: (f"{HERE}::test_25_integers_beyond_doubles",),
    26: ("tests/python/test_arrow_types.py::test_text_is_checked_as_a_whole_and_by_row",),
    27: (f"{HERE}::test_27_spelling_of_names",),
    28: ("tests/python/test_volatile.py::test_changes_carry_the_values_that_were_shown",),
    # C. joins
    29: (f"{HERE}::test_29_padding_comes_and_goes", f"{SCOPE}::test_join_sequences"),
    30: (f"{HERE}::test_30_semi_is_not_inner", f"{SCOPE}::test_join_sequences"),
    31: (f"{HERE}::test_31_one_row_an_insert",),
    32: (f"{SCOPE}::test_asof_sequences", "tests/unit/op/test_asof.c::test_histories"),
    33: (f"{HERE}::test_33_a_table_changes_between_probes",
         "test_versions.py::test_versions_are_those_of_a_list",
         "test_versions.py::test_processing_time_is_when_the_row_came"),
    34: (f"{HERE}::test_34_bounds_of_intervals",),
    35: ("tests/python/test_bounded_state.py::test_joins_leave_nothing_behind",
         "tests/python/test_bounded_state.py::test_a_join_gives_memory_back_while_rows_stay"),
    36: (f"{SCOPE}::test_join_sequences",),
    37: (f"{HERE}::test_37_both_halves_of_a_self_join",),
    38: (f"{HERE}::test_38_diamonds", RANDOM),
    39: (f"{HERE}::test_39_a_join_too_large",),
    # D. windows and watermarks
    40: (f"{SCOPE}::test_window_grid",),
    41: ("tests/unit/op/test_window.c::test_extreme_times",),
    42: (f"{SCOPE}::test_window_grid",),
    43: (f"{SCOPE}::test_window_grid",),
    44: (CUTS, "test_window_kinds.py::test_sessions_shrink_fall_apart_and_vanish"),
    45: (f"{THERE}::test_45_many_sessions",),
    46: (f"{WINDOWS}::test_small_scope", CUTS),
    47: (f"{THERE}::test_47_late_on_every_path",),
    48: (f"{SCOPE}::test_window_grid", CUTS),
    49: (f"{THERE}::test_49_the_newest_row_first",),
    50: (f"{THERE}::test_50_two_sources", f"{WINDOWS}::test_late_is_early"),
    51: ("test_proctime.py::test_windows_over_the_clock",),
    52: ("test_idle.py::test_idle_sources_hold_nothing_back",),
    53: (f"{THERE}::test_53_a_pause_moves_nothing_back", RANDOM),
    54: (f"{THERE}::test_54_old_rows_behind_a_gap",),
    55: (f"{THERE}::test_55_the_clock_jumps",),
    56: (f"{THERE}::test_56_no_time",),
    57: ("tests/python/test_clock.py::test_rows_from_the_future",
         "tests/python/test_clock.py::test_rows_from_the_future_in_every_source"),
    58: ("test_time_units.py::test_same_windows_in_every_unit",
         "test_time_units.py::test_bigint_times_of_every_unit",
         "test_time_units.py::test_a_wrong_unit_is_said_once"),
    # E. state, checkpoints, restart
    59: (f"{RESTORE}::test_59_what_a_checkpoint_says_it_holds",
         "test_kept_worlds.py::test_what_is_kept_comes_back"),
    60: ("tests/unit/db/test_durable.c::test_ends", "tests/python/test_kill_call.py::test_kill_at_each_call"),
    61: (f"{RESTORE}::test_61_every_operator_has_a_case",
         f"{RESTORE}::test_61_every_operator_is_restored", RANDOM),
    62: (f"{RESTORE}::test_62_definitions_come_back",),
    63: (f"{RESTORE}::test_63_every_format_opens_or_says_why",),
    64: (f"{RESTORE}::test_64_rows_within_the_lateness_after_a_restore", RANDOM),
    65: (f"{RESTORE}::test_65_a_stream_that_fails_on_every_row",),
    66: (f"{THERE}::test_66_dropped_streams_hold_nothing",),
    67: (f"{THERE}::test_67_places_far_away",
         f"{THERE}::test_67_the_next_one_comes",
         f"{SCOPE}::test_top_sequences"),
    68: (f"{RESTORE}::test_68_all_streams_are_at_one_moment", RANDOM),
    # F. run time
    69: ("tests/python/test_lag.py::test_error_tells_how_many", "tests/python/test_lag.py::test_drop_oldest",
         "tests/python/test_lag.py::test_block_makes_producers_wait"),
    70: ("tests/python/test_threads.py::test_close_under_load",
         "tests/python/test_threads.py::test_flush_and_bounds"),
    71: (f"{THERE}::test_71_one_hot_stream",),
    72: (RANDOM, "tests/python/test_threads.py::test_streams_come_and_go_under_load"),
    73: (f"{THERE}::test_73_unknown_queries",),
    74: ("tests/python/test_regressions.py::test_a_wait_outlasts_signal_handlers",
         "tests/python/test_api.py::test_cancel_wakes_a_waiter"),
    75: (f"{THERE}::test_75_empty_results",),
    76: (f"{THERE}::test_76_names_twice",),
    77: ("tests/python/test_fork.py::test_every_method_refuses_a_forked_child",
         f"{THERE}::test_77_after_the_end"),
    78: (f"{THERE}::test_78_what_was_never_there",),
}  # fmt: skip
OPEN = 1  # patterns that nothing tests
