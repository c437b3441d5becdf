"""The three tasks that ship. Another one is any class that serves `lossbench.tasks.contract.Task`, named by `task.target`."""
