"""佐证与上报: what is shown to those who check from outside: an activity's evidence, the year's figures, the ministry's
record.

Promises: a pack holds everything that was recorded of an activity and a list of its own hashes, with masked names
unless somebody asked for whole ones; who made which pack, when and why is kept for ever. A sample of activities is
drawn by lot and can be drawn again by anybody. A year's figures are counted from closed months, never change,
and are published by a second person. What goes to the ministry's system is handed out once, and each record keeps what
became of it.
Owns: evidence_pack, spot_sample, spot_pick, spot_finding, yearly_report, ministry_batch, ministry_record.
Refuses: publishing by whoever prepared, a second hand-out, people who did not agree, a sample without activities.
Words: evidence pack 佐证包 · sample 抽查 · finding 抽查结论 · figures 年度数据 · batch 上报批次 · record 上报记录.
"""
