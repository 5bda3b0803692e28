"""值守: who leads the schedule, every run of a job, and what is to be tried again when.

Promises: a run is written down before it begins and when it ends, so that a killed one is seen; what failed is tried
again later and later, also after a restart; nothing in it is about people. Owns: job_run, job_watch.
Words: job 定时任务 · run 运行 · watch 值守.
"""
