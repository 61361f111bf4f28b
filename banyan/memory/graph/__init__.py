"""The task graph, apart from SQL: what an edit does, what follows from it, and what can be asked.

Everything here is synchronous and pure over a `GraphSource`: what is stored of one tree, read as it is needed. A
`Workspace` holds what a batch has read and changed; a store reads it within one transaction and writes it in the same.
"""
