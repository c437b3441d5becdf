"""The three tasks that ship. Another one is any class that serves `lossbench.task.Task`, named by `task.target`."""
