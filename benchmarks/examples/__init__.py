"""PyTorch (eager) on tasks of docs/examples: the same nets, first weights, batches, rates and budgets."""
